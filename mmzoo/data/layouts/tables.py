"""The user's own pictures, texts and labels, in a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.caption_files import inside_folder
from mmzoo.data.examples import Examples
from mmzoo.data.layouts.documents import shown
from mmzoo.data.layouts.labels import class_targets, multi_hot, number_targets
from mmzoo.data.layouts.pictures import shared_images
from mmzoo.data.layouts.rows import read_rows

_TARGETS = ("classes", "labels", "numbers")


def table(
    path: str | Path,
    *,
    images: str | Path | None = None,
    image: str = "image",
    text: str = "text",
    label: str = "label",
    targets: Literal["classes", "labels", "numbers"] = "classes",
    label_names: Sequence[str] | None = None,
    separator: str = "|",
    augment: Augment | None = None,
    max_pixels: int = 50_000_000,
) -> Examples:
    """Reads a table of pictures, texts and labels; the pictures themselves are decoded when they are needed.

    path: .csv or .tsv with a header (UTF-8, double quotes as in RFC 4180), or .jsonl or .ndjson, an object a line.
    images: the folder that picture names are relative to. Default: the table's.
    image, text, label: the columns' names; others are ignored.
    targets: what a label is. It is never guessed from what the cells hold.
      "classes"  one of the classes: its name, or a whole number                -> targets (N,) int32
      "labels"   any number of labels: a JSON list, or names with `separator`
                 between them; an empty cell is none of them                    -> (N, C) float32, 0 or 1
      "numbers"  a number to be predicted, or the same count of them in each
                 row: a JSON list, or with `separator` between them             -> (N,) or (N, C) float32
    label_names: the labels in their order. A label is then written as its name or, unless a name is a whole number
      itself, as its position from 0. Default: the labels found, names sorted, then whole numbers by their size (a
      whole number is then a name as any other). A test table needs the training table's: label_names=train.label_names.
    augment, max_pixels: as in `Examples` and `safe_decode`.
    Where the image's cell, or the text's, is empty (null, or in JSON left out), that modality is missing:
    `image_present`, `text_present` are False. A picture whose file is missing or damaged is counted when it is read.
    Returns Examples in the table's order. Rows of the same picture share it, and `split` keeps them together.
    Raises:  FileNotFoundError; ValueError that names the file and the line, if the table is not of this form, a label
        is unknown, a row has neither picture nor text, or a picture's path leaves the folder.
    """
    source = Path(path)
    if targets not in _TARGETS:
        raise ValueError(f"targets must be one of {', '.join(_TARGETS)}, received {targets!r}")
    if targets == "numbers" and label_names is not None:
        raise ValueError(f"label_names must be None where targets are numbers, received {shown(label_names)}")
    if not isinstance(separator, str) or not separator:
        raise ValueError(f"separator must be a sign between labels, received {separator!r}")
    names: list[str] = []
    texts: list[str] = []
    labels: list[tuple[str, Any]] = []
    for where, (picture, words, cell) in read_rows(source, (image, text, label)):
        picture, words = _words(where, image, picture), _words(where, text, words)
        if not picture and not words:
            raise ValueError(f"{where}: must have a picture or a text, received neither")
        names.append(picture and inside_folder(where, picture))
        texts.append(words)
        labels.append((where, cell))
    label_list: tuple[str, ...] = ()
    if targets == "classes":
        values, label_list = class_targets(source, labels, label_names)
    elif targets == "labels":
        values, label_list = multi_hot(source, labels, label_names, separator)
    else:
        values = number_targets(labels, separator)
    return Examples(
        shared_images(source, source.parent if images is None else Path(images), names, max_pixels),
        tuple(texts),
        values,
        label_list,
        augment=augment,
        image_present=np.array([bool(name) for name in names]),
        text_present=np.array([bool(words) for words in texts]),
    )


def _words(where: str, column: str, cell: Any) -> str:
    if cell is not None and not isinstance(cell, str):
        raise ValueError(f"{where}: {column!r} must be a string, received {shown(cell)}")
    return (cell or "").strip()
