"""Files of other libraries that say how pictures become a model's input: what is in them, checked value by value."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmzoo.presets import CLIP_MEAN, CLIP_STD, ImagePreprocessing

Colours = tuple[float, ...]
LARGEST_SIDE = 16_384  # pixels
_LARGEST_FILE = 2**20


@dataclass(frozen=True)
class Preprocessing:
    """What a checkpoint's files say of pictures.

    image: how one of any size becomes pixels in [0, 255]. mean, std: of each colour, of pixels divided by 255.
    """

    image: ImagePreprocessing
    mean: Colours = CLIP_MEAN
    std: Colours = CLIP_STD


def read_json(path: Path) -> Mapping[str, Any]:
    """The object in a JSON file. Raises ValueError for a damaged file, one of over 1 MiB, and anything else than an object."""
    if not path.is_file():
        raise ValueError(f"{path} must be a file, received something else")
    with path.open("rb") as file:
        text = file.read(_LARGEST_FILE + 1)
    if len(text) > _LARGEST_FILE:
        raise ValueError(f"{path} must have at most {_LARGEST_FILE:,} bytes, received {path.stat().st_size:,}")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise ValueError(f"{path} must be JSON: {reason}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must be a JSON object, received {reprlib.repr(content)}")
    return content


def object_of(fields: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under a key; empty where there is none."""
    value = fields.get(key)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"{key} must be an object, received {reprlib.repr(value)}")
    return value or {}


def flag_of(fields: Mapping[str, Any], key: str) -> bool:
    """The true or false under a key."""
    if not isinstance(fields[key], bool):
        raise ValueError(f"{key} must be true or false, received {reprlib.repr(fields[key])}")
    return fields[key]


def size_of(value: Any, name: str, *, to_square: bool) -> tuple[int, int] | int:
    """(height, width), or the length of the shortest edge: where that is all that is said, or to_square is false for a number."""
    if isinstance(value, dict):
        value = {key: side for key, side in value.items() if side is not None}
    if isinstance(value, int):
        side = _side(value, name)
        return (side, side) if to_square else side
    if isinstance(value, list) and len(value) == 2:
        return _side(value[0], name), _side(value[1], name)
    if isinstance(value, dict) and value.keys() == {"height", "width"}:
        return _side(value["height"], name), _side(value["width"], name)
    if isinstance(value, dict) and value.keys() == {"shortest_edge"}:
        return _side(value["shortest_edge"], name)
    raise ValueError(f"{name} must be a height and a width or a shortest edge, received {reprlib.repr(value)}")


def _side(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_SIDE:
        raise ValueError(f"{name} must be from 1 to {LARGEST_SIDE:,} pixels, received {reprlib.repr(value)}")
    return value


def colours_of(fields: Mapping[str, Any], key: str, least: float) -> Colours:
    """The three numbers under a key, each at least so large; one number stands for all."""
    value = fields[key]
    values = value if isinstance(value, (list, tuple)) else [value] * 3
    if len(values) != 3:
        raise ValueError(f"{key} must be three numbers, received {reprlib.repr(value)}")
    return tuple(number_of(colour, key, least) for colour in values)


def number_of(value: Any, name: str, least: float, most: float = 1e6) -> float:
    """A number that is neither NaN nor out of bounds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}, received {reprlib.repr(value)}")
    return float(value)
