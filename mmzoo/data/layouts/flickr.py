"""Flickr30k's captions (and Flickr8k's) in the three forms in which they are handed on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmzoo.data.augmentation import Augment
from mmzoo.data.caption_files import inside_folder
from mmzoo.data.layouts.documents import read_json, read_text, shown
from mmzoo.data.layouts.karpathy import karpathy_captions
from mmzoo.data.layouts.pictures import caption_pairs
from mmzoo.data.pairs import Pairs

# The file in circulation has a line without its second separator: "2199744867.jpg| 4   A dog runs across ...".
_ROW = re.compile(r"([^|]+)\|\s*\d+\s*[|\s](.*)")


def flickr30k(
    captions: str | Path,
    images: str | Path,
    *,
    split: str | Sequence[str] | None = None,
    augment: Augment | None = Augment(flip=True),  # noqa: B008 (frozen)
    max_pixels: int = 50_000_000,
) -> Pairs:
    """Reads Flickr30k (Young et al., TACL 2014, aclanthology.org/Q14-1006; the layout: its archive's readme).

    captions: results_20130124.token, or Flickr8k.token.txt: lines `1000092795.jpg#0<TAB>caption`;
      results.csv: lines `1000092795.jpg| 0| caption` below the header `image_name| comment_number| comment`;
      or dataset_flickr30k.json, dataset_flickr8k.json: Karpathy's, with splits (arXiv:1412.2306).
    images: the folder of the pictures, flickr30k-images. Pictures are decoded when they are needed; those that are
      missing are counted then.
    split: Karpathy's alone: "train", "val", "test" or several; None for all.
    augment, max_pixels: as in `Pairs` and `safe_decode`.
    Raises:  FileNotFoundError; ValueError with the line's number if a line is none of these.
    """
    path = Path(captions)
    if path.suffix == ".json":
        found = karpathy_captions(path, read_json(path), split)
    elif split is not None:
        raise ValueError(f"split is for Karpathy's dataset_flickr30k.json, received {split!r} with {path}")
    else:
        found = {}
        for where, image, caption in _csv_lines(path) if path.suffix == ".csv" else _token_lines(path):
            found.setdefault(inside_folder(where, image), []).append(caption)
    return caption_pairs(path, Path(images), found, augment, max_pixels)


def _token_lines(path: Path) -> Iterator[tuple[str, str, str]]:
    for where, line in _lines(path):
        name, tab, caption = line.partition("\t")
        image, hash, number = name.rpartition("#")
        if not (tab and hash and number.isdecimal()):
            raise ValueError(f"{where}: must be NAME.jpg#NUMBER, a tab and a caption, received {shown(line)}")
        yield where, image, caption


def _csv_lines(path: Path) -> Iterator[tuple[str, str, str]]:
    # No csv.reader: quotes in this file are the caption's own, and captions may hold the separator's sign.
    lines = _lines(path)
    where, header = next(lines, (str(path), ""))
    if not header.startswith("image_name"):
        raise ValueError(f"{where}: must be 'image_name| comment_number| comment', received {shown(header)}")
    for where, line in lines:
        row = _ROW.fullmatch(line)
        if row is None:
            raise ValueError(f"{where}: must be NAME.jpg| NUMBER| caption, received {shown(line)}")
        yield where, row[1].strip(), row[2]


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            yield f"{path}, line {number}", line.removesuffix("\r")
