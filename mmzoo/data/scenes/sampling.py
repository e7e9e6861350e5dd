"""Draws random scenes: scene number i of a stream is the same however many are asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mmzoo.data.scenes.geometry import reach
from mmzoo.data.scenes.scene import Object, Scene
from mmzoo.data.scenes.vocabulary import BACKGROUNDS, COMBINATIONS, HELD_OUT, SHAPES, Combination

SPLITS: dict[str, int] = {"train": 0, "test": 1, "held_out": 2}
"""Split to the number that its random streams are derived from."""

MAX_OBJECTS = 3
SCALE_JITTER = 0.06
ANGLE_JITTER = 8.0
SHADE_JITTER = 12
BORDER = 1 / 32
GAP = 0.08
"""Least distance between two objects, a fraction of the picture: 2.5 pixels of 32."""

_CANDIDATES = 32
_RESTARTS = 20
_DIRECTIONS = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_RIGHT, _DOWN, _LEFT, _UP = 0, 6, 12, 18  # indices into _DIRECTIONS
_OPPOSITE = np.roll(np.arange(24), 12)
_UNIT = np.stack([np.cos(_DIRECTIONS), np.sin(_DIRECTIONS)])

_ALLOWED: dict[bool, dict[str, list[Combination]]] = {
    held_out: {
        background: [c for c in COMBINATIONS if c.background == background and (c in HELD_OUT) == held_out]
        for background in BACKGROUNDS
    }
    for held_out in (False, True)
}
_SINGLE = {held_out: [c for c in COMBINATIONS if (c in HELD_OUT) == held_out] for held_out in (False, True)}


def sample_scene(split: str, index: int, *, seed: int = 0, objects: tuple[int, int] = (1, 1)) -> Scene:
    """Scene number index of the split's stream for this seed.

    objects: least and greatest number of objects, each number equally likely. No two objects of a scene share both
    shape and colour. In "held_out" every object is a held-out combination, in "train" and "test" none is.
    """
    rng = np.random.default_rng([seed, SPLITS[split], index])
    count = int(rng.integers(objects[0], objects[1] + 1))
    held_out = split == "held_out"
    while True:
        chosen = _choose(rng, count, held_out)
        things = [_dress(rng, wanted) for wanted in chosen]
        far = [thing.radius * reach(SHAPES[thing.shape], np.radians([thing.angle]), _DIRECTIONS)[0] for thing in things]
        for _ in range(_RESTARTS):
            centres = _place(rng, far)
            if centres is not None:
                placed = tuple(replace(thing, x=x, y=y) for thing, (x, y) in zip(things, centres, strict=True))
                return Scene(placed, chosen[0].background, _shade(rng))


def _choose(rng: np.random.Generator, count: int, held_out: bool) -> list[Combination]:
    first = _SINGLE[held_out][rng.integers(len(_SINGLE[held_out]))]
    allowed = _ALLOWED[held_out][first.background]
    chosen = [first]
    while len(chosen) < count:
        drawn = allowed[rng.integers(len(allowed))]
        if all(drawn[:2] != other[:2] for other in chosen):
            chosen.append(drawn)
    return chosen


def _dress(rng: np.random.Generator, wanted: Combination) -> Object:
    scale, angle = rng.uniform((1 - SCALE_JITTER, -ANGLE_JITTER), (1 + SCALE_JITTER, ANGLE_JITTER)).tolist()
    angle = angle if SHAPES[wanted.shape] else 0.0
    return Object(wanted.shape, wanted.colour, wanted.size, 0.5, 0.5, scale, angle, _shade(rng))


def _place(rng: np.random.Generator, far: list[np.ndarray]) -> list[list[float]] | None:
    """Centres for objects that reach that far in each direction, None if one has no room. The largest choose first."""
    centres: dict[int, np.ndarray] = {}
    for i in sorted(range(len(far)), key=lambda i: -far[i].sum()):
        lowest = far[i][[_LEFT, _UP]] + BORDER
        highest = 1 - far[i][[_RIGHT, _DOWN]] - BORDER
        candidates = rng.uniform(lowest, highest, (_CANDIDATES if centres else 1, 2))
        free = np.ones(len(candidates), bool)
        for j, centre in centres.items():
            # Convex shapes are as far apart as the widest empty strip between them; 24 directions never overstate it.
            strips = (centre - candidates) @ _UNIT - far[i] - far[j][_OPPOSITE]
            free &= strips.max(1) >= GAP
        if not free.any():
            return None
        centres[i] = candidates[free.argmax()]
    return [centres[i].tolist() for i in range(len(far))]


def _shade(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = rng.integers(-SHADE_JITTER, SHADE_JITTER + 1, 3).tolist()
    return red, green, blue
