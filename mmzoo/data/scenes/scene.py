"""A scene as structured truth: what is where, and everything that is needed to draw it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mmzoo.data.scenes.vocabulary import BACKGROUNDS, COLOURS, HELD_OUT, SHAPES, SIZES, Combination

RGB = tuple[int, int, int]


def _require(field: str, value: str, known: Mapping[str, Any]) -> None:
    if value not in known:
        raise ValueError(f"{field} must be one of {', '.join(known)}, received {value!r}")


@dataclass(frozen=True)
class Object:
    """One shape in a picture.

    x, y: its centre of mass in [0, 1], fractions of the picture's width and height from the upper left corner.
    scale: factor on the radius that its size stands for. angle: degrees, clockwise. shade: added to its colour's RGB.
    Raises: ValueError if a word is not in the vocabulary or the centre is not in the picture: no such thing is drawn.
    """

    shape: str
    colour: str
    size: str
    x: float
    y: float
    scale: float = 1.0
    angle: float = 0.0
    shade: RGB = (0, 0, 0)

    def __post_init__(self) -> None:
        _require("shape", self.shape, SHAPES)
        _require("colour", self.colour, COLOURS)
        _require("size", self.size, SIZES)
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1):
            raise ValueError(f"x and y must be in [0, 1], received {self.x} and {self.y}")

    @property
    def radius(self) -> float:
        """Radius of the circle with this object's area, a fraction of the picture's side."""
        return SIZES[self.size] * self.scale


@dataclass(frozen=True)
class Scene:
    """One to three objects on a background of one colour; to_dict and from_dict go through JSON unchanged.

    Raises: ValueError if the background is not in the vocabulary.
    """

    objects: tuple[Object, ...]
    background: str
    shade: RGB = (0, 0, 0)

    def __post_init__(self) -> None:
        _require("background", self.background, BACKGROUNDS)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Scene:
        objects = tuple(Object(**{**entry, "shade": tuple(entry["shade"])}) for entry in fields["objects"])
        return cls(objects, fields["background"], tuple(fields["shade"]))


def combination(thing: Object, background: str) -> Combination:
    """What a caption would say of this object on this background."""
    return Combination(thing.shape, thing.colour, thing.size, background)


def is_held_out(thing: Object, background: str) -> bool:
    """True if no training or test scene has such an object on this background."""
    return combination(thing, background) in HELD_OUT
