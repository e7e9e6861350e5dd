"""WebDataset samples (github.com/webdataset/webdataset): KEY.jpg beside KEY.txt, KEY.json or KEY.cls in tar shards."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmzoo.data.decode import PICTURE_SUFFIXES, UnreadableImage, safe_decode
from mmzoo.data.shards import Member, Shard, read_range, scan_shard

_log = logging.getLogger("mmzoo.data")

_TEXT_SUFFIXES = (".txt", ".json", ".cls")
_TEXT_BYTES = 2**20  # no caption is longer; a hostile one is cut here


@dataclass(frozen=True, eq=False)
class ShardImages:
    """Pictures inside shards, decoded when asked for: number i is `sizes[i]` bytes at `offsets[i]` of its shard."""

    paths: tuple[Path, ...]
    shard_numbers: np.ndarray
    names: tuple[str, ...]
    offsets: np.ndarray
    sizes: np.ndarray
    max_pixels: int

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> np.ndarray:
        path = self.paths[self.shard_numbers[index]]
        name = f"{path}:{self.names[index]}"
        try:
            data = read_range(path, int(self.offsets[index]), int(self.sizes[index]))
        except OSError as error:
            raise UnreadableImage(name, error.strerror or str(error)) from error
        return safe_decode(data, max_pixels=self.max_pixels, name=name)


@dataclass(frozen=True)
class Samples:
    """The samples of some shards: pictures, and for each its captions and its class as the shards give them."""

    images: ShardImages
    captions: tuple[tuple[str, ...], ...]
    classes: tuple[str | None, ...]


def read_samples(paths: Sequence[Path], *, max_pixels: int) -> Samples:
    """Indexes shards: every picture that has a text (.txt, .json "caption" or "captions") or a class (.cls) beside it.

    Damage and incomplete samples are logged, one line a shard, with what they cost.
    Raises:  ValueError if a file is no tar, or no shard has a complete sample.
    """
    rows: list[tuple[int, Member, tuple[str, ...], str | None]] = []
    complaints: list[str] = []
    for number, path in enumerate(paths):
        shard = scan_shard(path)
        found, problems = _samples(shard)
        rows.extend((number, *sample) for sample in found)
        if problems:
            complaints.append(f"{path}: {'; '.join(problems)} ({len(found):,} samples are left)")
            _log.warning("%s", complaints[-1])
    if not rows:
        names = ", ".join(path.name for path in paths[:3]) + (", ..." if len(paths) > 3 else "")
        raise ValueError(
            f"{names} must hold pictures (KEY.jpg) with KEY.txt, KEY.json or KEY.cls beside them, found none"
            + (f": {complaints[0]}" if complaints else "")
        )
    numbers, members, captions, classes = zip(*rows, strict=True)
    images = ShardImages(
        tuple(paths),
        np.array(numbers, np.int32),
        tuple(member.name for member in members),
        np.array([member.offset for member in members], np.int64),
        np.array([member.size for member in members], np.int64),
        max_pixels,
    )
    return Samples(images, tuple(captions), tuple(classes))


def _samples(shard: Shard) -> tuple[list[tuple[Member, tuple[str, ...], str | None]], list[str]]:
    """The complete samples of a shard, and what is wrong with it in short clauses."""
    pictures: dict[str, Member] = {}
    texts: dict[str, dict[str, Member]] = {}
    for member in shard.members:
        key, suffix = _key_and_suffix(member.name)
        if suffix in PICTURE_SUFFIXES:
            pictures.setdefault(key, member)
        elif suffix in _TEXT_SUFFIXES:
            texts.setdefault(key, {}).setdefault(suffix, member)
    samples = []
    unlabelled = malformed = 0
    with shard.path.open("rb") as file:
        for key, picture in pictures.items():
            contents = {}
            for suffix, member in texts.pop(key, {}).items():
                file.seek(member.offset)
                contents[suffix] = file.read(min(member.size, _TEXT_BYTES))
            try:
                captions, label = _captions_and_class(contents)
            except ValueError:
                malformed += 1
                continue
            if captions or label is not None:
                samples.append((picture, captions, label))
            else:
                unlabelled += 1
    problems = list(shard.damage)
    for count, what in (
        (unlabelled, "pictures without a text"),
        (malformed, "pictures whose .json is malformed"),
        (len(texts), "texts without a picture"),
    ):
        if count:
            problems.append(f"{what}: {count:,}")
    return samples, problems


def _key_and_suffix(name: str) -> tuple[str, str]:
    """WebDataset's rule: the key ends at the first dot of the last path component."""
    folder, slash, file = name.rpartition("/")
    key, dot, suffix = file.partition(".")
    return folder + slash + key, (dot + suffix).lower()


def _captions_and_class(contents: dict[str, bytes]) -> tuple[tuple[str, ...], str | None]:
    captions: list[str] = []
    if ".txt" in contents:
        captions.append(contents[".txt"].decode("utf-8", "replace"))
    if ".json" in contents:
        try:
            document = json.loads(contents[".json"])
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        if not isinstance(document, dict):
            raise ValueError("not an object")
        given = document.get("captions", document.get("caption", []))
        given = [given] if isinstance(given, str) else given
        if not isinstance(given, list) or not all(isinstance(caption, str) for caption in given):
            raise ValueError("captions are not strings")
        captions.extend(given)
    label = contents[".cls"].decode("utf-8", "replace").strip() if ".cls" in contents else None
    kept = dict.fromkeys(caption.strip() for caption in captions)
    return tuple(caption for caption in kept if caption), label or None
