"""What a scene may contain: shapes, colours, sizes, backgrounds, their 144 combinations, and those never trained on."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

SHAPES: dict[str, int] = {"circle": 0, "square": 4, "triangle": 3}
"""Shape to the number of sides of its regular polygon, 0 for the circle."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 30),
    "orange": (250, 140, 0),
    "yellow": (250, 225, 20),
    "green": (30, 160, 50),
    "cyan": (20, 205, 215),
    "purple": (150, 30, 190),
}
"""Colour of an object to RGB; any two are at least 87 apart, any colour and any background at least 117."""

BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "black": (15, 15, 15),
    "white": (240, 240, 240),
    "gray": (128, 128, 128),
    "blue": (25, 45, 215),
}
"""Colour of a background to RGB; no word of these is a word of COLOURS, so a word alone says whose colour it is."""

SIZES: dict[str, float] = {"small": 0.115, "large": 0.185}
"""Size to the radius of the circle with the object's area, as a fraction of the picture's side."""

SIZE_BOUNDARY = (SIZES["small"] * SIZES["large"]) ** 0.5
"""Radius at which small becomes large: as many times larger than small as it is smaller than large."""

RELATIONS: dict[str, str] = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
"""Relation to the one that holds with the two objects exchanged."""


class Combination(NamedTuple):
    """Everything that a caption of a one-object scene says."""

    shape: str
    colour: str
    size: str
    background: str


COMBINATIONS: tuple[Combination, ...] = tuple(
    Combination(shape, colour, size, background)
    for shape, colour, size, background in product(SHAPES, COLOURS, SIZES, BACKGROUNDS)
)
"""All 144, in the order of the labels."""


def _held_out() -> frozenset[Combination]:
    # One (size, background) of eight for each (shape, colour): 5 and 3 are coprime to 8, so the eight are used evenly.
    sizes_and_backgrounds = tuple(product(SIZES, BACKGROUNDS))
    chosen = set()
    for (s, shape), (c, colour) in product(enumerate(SHAPES), enumerate(COLOURS)):
        size, background = sizes_and_backgrounds[(5 * s + 3 * c) % 8]
        chosen.add(Combination(shape, colour, size, background))
    return frozenset(chosen)


HELD_OUT: frozenset[Combination] = _held_out()
"""18 of the 144, one for each shape and colour; every value, pair and triple of values also occurs outside of them."""
