"""Karpathy's splits of COCO, Flickr30k and Flickr8k: one JSON file of all pictures, captions and splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmzoo.data.caption_files import inside_folder
from mmzoo.data.layouts.documents import checked, entries, value


def is_karpathy(document: dict[str, Any]) -> bool:
    """Whether a document has that layout: each picture carries its own sentences."""
    images = document.get("images")
    return isinstance(images, list) and bool(images) and isinstance(images[0], dict) and "sentences" in images[0]


def karpathy_captions(path: Path, document: dict[str, Any], split: str | Sequence[str] | None) -> dict[str, list[str]]:
    """Picture to captions, of one or several splits (arXiv:1412.2306, the authors' dataset_coco.json and its sisters).

    {"images": [{"filename": "1.jpg", "filepath": "val2014" (COCO alone), "split": "train", "sentences":
    [{"raw": "..."}, ...]}, ...]}
    split: as the file names them: "train", "val", "test", in COCO's also "restval"; None for all.
    Raises:  ValueError if the file has another form, or not these splits.
    """
    wanted = None if split is None else {split} if isinstance(split, str) else set(split)
    known: set[str] = set()
    captions: dict[str, list[str]] = {}
    for where, image in entries(path, document, "images"):
        part = value(where, image, "split", str)
        known.add(part)
        if wanted is not None and part not in wanted:
            continue
        folder = value(where, image, "filepath", str) + "/" if "filepath" in image else ""
        name = inside_folder(where, folder + value(where, image, "filename", str))
        sentences = value(where, image, "sentences", list)
        captions.setdefault(name, []).extend(
            value(f"{where}, sentences[{i}]", checked(f"{where}, sentences[{i}]", sentence, dict), "raw", str)
            for i, sentence in enumerate(sentences)
        )
    if wanted is not None and (missing := wanted - known):
        raise ValueError(f"split must be of {', '.join(sorted(known))} in {path}, received {sorted(missing)[0]!r}")
    return captions
