"""Picture files named by a table or an annotation file, kept inside of one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.folders import FileImages
from mmzoo.data.images import ImageView
from mmzoo.data.layouts.documents import shown
from mmzoo.data.pairs import Pairs


def shared_images(source: Path, images: Path, names: Sequence[str], max_pixels: int) -> ImageView:
    """The picture of each name, decoded when asked for; rows of the same name share it, so that no split parts them.

    An empty name is a picture that is missing on purpose, each another. A file that is missing is left to the pipeline.
    Raises:  ValueError as `file_images`.
    """
    places: dict[str, int] = {}
    files: list[str] = []
    indices = []
    for name in names:
        place = places.setdefault(name, len(files)) if name else len(files)
        if place == len(files):
            files.append(name)
        indices.append(place)
    return ImageView(file_images(source, images, files, max_pixels), np.array(indices, np.int64))


def file_images(source: Path, images: Path, names: Sequence[str], max_pixels: int) -> FileImages:
    """The pictures of these names, decoded when asked for; a file that is missing is left to the pipeline.

    Raises:  ValueError if not one of the named pictures is in the folder: then the folder is the wrong one.
    """
    named = [name for name in names if name]
    if named and not any((images / name).is_file() for name in named):
        raise ValueError(
            f"{source} must name pictures by their path from {images}, received {shown(named[0])} and others: "
            "not one of them is there"
        )
    return FileImages(images, tuple(names), max_pixels)


def caption_pairs(
    source: Path,
    images: Path,
    captions: dict[str, list[str]],
    augment: Augment | None,
    max_pixels: int,
) -> Pairs:
    """Pictures by name, each with its captions in the file's order; blank captions do not count.

    Raises:  ValueError if no picture has a caption, or not one is in the folder.
    """
    rows = {name: tuple(filter(None, map(str.strip, row))) for name, row in captions.items()}
    rows = {name: row for name, row in rows.items() if row}
    if not rows:
        raise ValueError(f"{source} must have a caption for at least one picture, received none")
    return Pairs(file_images(source, images, list(rows), max_pixels), tuple(rows.values()), augment=augment)
