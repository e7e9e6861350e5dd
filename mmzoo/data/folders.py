"""A user's own pictures: with a caption file, in class sub-folders, or in WebDataset shards."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.caption_files import read_csv, read_jsonl
from mmzoo.data.decode import PICTURE_SUFFIXES, safe_decode
from mmzoo.data.pairs import Pairs
from mmzoo.data.webdataset import read_samples

_LAYOUTS = (
    "captions.jsonl or captions.csv, sub-folders of pictures named after their classes, "
    "or .tar shards of KEY.jpg and KEY.txt"
)


@dataclass(frozen=True)
class FileImages:
    """Picture files, decoded when asked for."""

    root: Path
    names: tuple[str, ...]
    max_pixels: int

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> np.ndarray:
        return safe_decode(self.root / self.names[index], max_pixels=self.max_pixels)


def folder(
    path: str | Path,
    *,
    pattern: str | None = None,
    class_names: Sequence[str] | None = None,
    labels_from_captions: bool = False,
    templates: Sequence[str] = ("a photo of a {}",),
    augment: Augment | None = Augment(flip=True),  # noqa: B008 (frozen)
    max_pixels: int = 50_000_000,
) -> Pairs:
    """Reads what pictures and captions a folder holds; the pictures themselves are decoded when they are needed.

    Recognised, first to last:
      captions.jsonl  lines {"image": "a.jpg", "caption": "..."} or {"image": "a.jpg", "captions": ["...", "..."]}
      captions.csv    columns image, caption; a picture in several rows has several captions
      CLASS/*.jpg     sub-folders named after classes, pictures at any depth
      *.tar           WebDataset shards (path may also be one .tar): KEY.jpg with KEY.txt, KEY.json ("caption",
                      "captions") or KEY.cls (a class: its name, or its number among the class names)
    pattern: which shards, as "train-*.tar"; given, the folder is read as shards whatever else it holds.
    class_names: the classes in their order. Default: the sub-folders sorted; for shards, the lines of classes.txt
    beside them, else what is found, sorted. A training and a test folder need the same.
    labels_from_captions: a sample's only caption is the name of its class. templates: what the captions of a picture
    known by its class are made of; {} stands for the name, in which _ becomes a space.
    augment, max_pixels: as in `Pairs` and `safe_decode`.
    Raises:  FileNotFoundError if the path does not exist; ValueError if it holds no pictures in one of these layouts,
             or in two at once, or a line of a caption file is wrong: one sentence that says what and where.
    """
    root = Path(path)
    _check_templates(templates)
    if not root.exists():
        raise FileNotFoundError(
            f"path must be a folder of pictures or a .tar shard, received {root}, which does not exist"
        )
    if root.is_file():
        if root.suffix != ".tar":
            raise ValueError(f"path must be a folder of pictures or a .tar shard, received the file {root}")
        layout, found = "shards", [root]
    else:
        layout, found = _recognise(root, pattern)
    if layout == "captions":
        if class_names is not None or labels_from_captions:
            raise ValueError(f"class_names and labels_from_captions are for classes, {root} has {found[0].name}")
        return _from_captions(root, found[0], augment, max_pixels)
    if layout == "classes":
        return _from_classes(root, found, class_names, templates, augment, max_pixels)
    return _from_shards(root, found, class_names, labels_from_captions, templates, augment, max_pixels)


def _recognise(root: Path, pattern: str | None) -> tuple[str, list[Path]]:
    """The layout, and the files or sub-folders that make it up."""
    if pattern is not None:
        if shards := sorted(shard for shard in root.glob(pattern) if shard.is_file()):
            return "shards", shards
        raise ValueError(f"pattern must match .tar shards in {root}, received {pattern!r}, which matches none")
    captions = [root / name for name in ("captions.jsonl", "captions.csv") if (root / name).is_file()]
    if len(captions) > 1:
        raise ValueError(f"{root} must have one caption file, received both captions.jsonl and captions.csv")
    if captions:
        return "captions", captions
    entries = [entry for entry in sorted(root.iterdir()) if not entry.name.startswith((".", "__MACOSX"))]
    shards = [entry for entry in entries if entry.suffix == ".tar" and entry.is_file()]
    classes = [entry for entry in entries if entry.is_dir() and _has_picture(entry)]
    if shards and classes:
        raise ValueError(
            f"{root} must have one layout, received both .tar shards ({shards[0].name}, ...) and sub-folders of "
            f"pictures ({classes[0].name}, ...); pass pattern='*.tar' for the shards or move one of the two away"
        )
    if shards:
        return "shards", shards
    if classes:
        return "classes", classes
    if not entries:
        raise ValueError(f"{root} is empty; a folder must have {_LAYOUTS}")
    pictures = sum(entry.suffix.lower() in PICTURE_SUFFIXES for entry in entries)
    holds = f"{pictures:,} pictures without captions" if pictures else "no pictures"
    raise ValueError(f"{root} has {holds}; a folder must have {_LAYOUTS}")


def _from_captions(root: Path, file: Path, augment: Augment | None, max_pixels: int) -> Pairs:
    rows = read_jsonl(file) if file.suffix == ".jsonl" else read_csv(file)
    if not any((root / name).is_file() for name in rows):
        raise ValueError(
            f"{file} must name pictures by their path from {root}, received {next(iter(rows))!r} and others: "
            "not one of them is there"
        )
    return Pairs(FileImages(root, tuple(rows), max_pixels), tuple(rows.values()), augment=augment)


def _from_classes(
    root: Path,
    found: list[Path],
    class_names: Sequence[str] | None,
    templates: Sequence[str],
    augment: Augment | None,
    max_pixels: int,
) -> Pairs:
    names = tuple(class_names) if class_names is not None else tuple(entry.name for entry in found)
    pictures = [(str(Path(file).relative_to(root)), entry.name) for entry in found for file in _pictures(entry)]
    labels = _numbered([label for _, label in pictures], names, root)
    return Pairs(
        FileImages(root, tuple(name for name, _ in pictures), max_pixels),
        tuple(_templated(templates, label) for _, label in pictures),
        labels,
        names,
        augment=augment,
        templates=tuple(templates),
    )


def _from_shards(
    root: Path,
    shards: list[Path],
    class_names: Sequence[str] | None,
    labels_from_captions: bool,
    templates: Sequence[str],
    augment: Augment | None,
    max_pixels: int,
) -> Pairs:
    samples = read_samples(shards, max_pixels=max_pixels)
    classes = samples.classes
    if labels_from_captions:
        for row, name in zip(samples.captions, samples.images.names, strict=True):
            if len(row) != 1:
                raise ValueError(f"labels_from_captions needs one caption a picture, received {row!r} for {name}")
        classes = tuple(row[0] for row in samples.captions)
    if any(label is None for label in classes):
        # Without a class for each there are none; a picture that has a class only cannot be described.
        if any(not row for row in samples.captions):
            raise ValueError(f"{root}: every sample must have a .cls, or every sample a caption, received some of each")
        return Pairs(samples.images, samples.captions, augment=augment)
    known = [str(label) for label in classes]
    names = _class_names(class_names, shards[0].parent, known)
    if not set(known) <= set(names) and all(_is_number(label) for label in known):
        known = [names[int(label)] if int(label) < len(names) else label for label in known]
    labels = _numbered(known, names, root)
    captions = tuple(
        _templated(templates, label) if labels_from_captions or not row else row
        for row, label in zip(samples.captions, known, strict=True)
    )
    return Pairs(samples.images, captions, labels, names, augment=augment, templates=tuple(templates))


def _class_names(given: Sequence[str] | None, beside: Path, found: Sequence[str]) -> tuple[str, ...]:
    if given is not None:
        return tuple(given)
    listed = beside / "classes.txt"
    if listed.is_file():
        lines = listed.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        return tuple(line.strip() for line in lines if line.strip())
    return tuple(sorted(set(found), key=lambda name: (int(name), "") if _is_number(name) else (-1, name)))


def _numbered(classes: Sequence[str], names: tuple[str, ...], root: Path) -> np.ndarray:
    if len(set(names)) != len(names):
        raise ValueError(f"class_names must be distinct, received {names}")
    numbers = {name: number for number, name in enumerate(names)}
    if unknown := sorted(set(classes) - set(numbers)):
        raise ValueError(f"{root} must hold the classes {', '.join(names)}, received also {unknown[0][:80]!r}")
    return np.array([numbers[label] for label in classes], np.int32)


def _is_number(label: str) -> bool:
    return label.isdecimal() and len(label) < 10


def _templated(templates: Sequence[str], label: str) -> tuple[str, ...]:
    # Not str.format: a class may be called {0.__class__}.
    return tuple(template.replace("{}", label.replace("_", " ")) for template in templates)


def _check_templates(templates: Sequence[str]) -> None:
    if isinstance(templates, str) or not templates or not all("{}" in template for template in templates):
        raise ValueError(
            f"templates must be a list of texts that each contain {{}} for the class, received {templates!r}"
        )


def _pictures(directory: Path) -> list[str]:
    found: list[str] = []
    for place, directories, files in os.walk(directory):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        found.extend(os.path.join(place, name) for name in sorted(files) if _is_picture(name))
    return found


def _has_picture(directory: Path) -> bool:
    return any(_is_picture(name) for _, _, files in os.walk(directory) for name in files)


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES
