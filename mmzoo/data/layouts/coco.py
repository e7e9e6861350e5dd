"""COCO's captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmzoo.data.augmentation import Augment
from mmzoo.data.caption_files import inside_folder
from mmzoo.data.layouts.documents import entries, read_json, shown, value
from mmzoo.data.layouts.karpathy import is_karpathy, karpathy_captions
from mmzoo.data.layouts.pictures import caption_pairs
from mmzoo.data.pairs import Pairs


def coco_captions(
    annotations: str | Path,
    images: str | Path,
    *,
    split: str | Sequence[str] | None = None,
    augment: Augment | None = Augment(flip=True),  # noqa: B008 (frozen)
    max_pixels: int = 50_000_000,
) -> Pairs:
    """Reads COCO's captions (arXiv:1504.00325; the layout: cocodataset.org/#format-data).

    annotations: captions_train2014.json, captions_val2017.json, ...:
        {"images": [{"id": 9, "file_name": "COCO_train2014_000000000009.jpg"}, ...],
         "annotations": [{"image_id": 9, "caption": "..."}, ...]}
      or Karpathy's dataset_coco.json (arXiv:1412.2306).
    images: the folder of the pictures, train2014 for the first; for Karpathy's file the folder above train2014 and
      val2014. Pictures are decoded when they are needed; those that are missing are counted then.
    split: Karpathy's alone: "train", "restval", "val", "test" or several, as ("train", "restval"); None for all.
    augment, max_pixels: as in `Pairs` and `safe_decode`.
    Returns the pictures in the file's order, each with its captions; pictures without one are left out.
    Raises:  FileNotFoundError; ValueError if the file has another form or names no picture of the folder.
    """
    path = Path(annotations)
    document = read_json(path)
    if is_karpathy(document):
        captions = karpathy_captions(path, document, split)
    elif split is not None:
        raise ValueError(f"split is for Karpathy's dataset_coco.json, received {split!r} with {path}")
    else:
        names: dict[int, str] = {}
        for where, image in entries(path, document, "images"):
            name = inside_folder(where, value(where, image, "file_name", str))
            names[value(where, image, "id", int)] = name
        captions = {name: [] for name in names.values()}
        for where, annotation in entries(path, document, "annotations"):
            number = value(where, annotation, "image_id", int)
            if number not in names:
                raise ValueError(f"{where}: 'image_id' must be the id of one of its images, received {shown(number)}")
            captions[names[number]].append(value(where, annotation, "caption", str))
    return caption_pairs(path, Path(images), captions, augment, max_pixels)
