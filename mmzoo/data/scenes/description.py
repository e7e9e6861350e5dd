"""What can be said of a scene, whoever says it: the truth, a caption, or somebody who looked at the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mmzoo.data.scenes.scene import Scene

RELATION_MARGIN = 0.2
"""Centres nearer than this fraction of the picture are beside each other as much as anything else."""


class Placed(Protocol):
    """Anything with a centre in fractions of the picture."""

    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...


@dataclass(frozen=True)
class Attributes:
    """What is said of one object; None for what is not said, or could not be seen."""

    shape: str | None
    colour: str | None = None
    size: str | None = None


@dataclass(frozen=True)
class Description:
    """Objects, background, and relations between them: (0, "left of", 1) says the first is left of the second."""

    objects: tuple[Attributes, ...]
    background: str | None = None
    relations: frozenset[tuple[int, str, int]] = frozenset()


def relation(a: Placed, b: Placed, *, margin: float = RELATION_MARGIN, dominance: float = 1.5) -> str | None:
    """Where a is as seen from b: "left of", "right of", "above", "below", or None where people could disagree.

    One direction must be at least margin (fraction of the picture) and dominance times as far as the other.
    """
    across, down = a.x - b.x, a.y - b.y
    if abs(across) >= max(margin, dominance * abs(down)):
        return "left of" if across < 0 else "right of"
    if abs(down) >= max(margin, dominance * abs(across)):
        return "above" if down < 0 else "below"
    return None


def relations(
    placed: Sequence[Placed], *, margin: float = RELATION_MARGIN, dominance: float = 1.5
) -> frozenset[tuple[int, str, int]]:
    """All relations that hold as `relation` judges them, each pair in both directions."""
    found = set()
    for i, a in enumerate(placed):
        for j, b in enumerate(placed):
            if i != j and (name := relation(a, b, margin=margin, dominance=dominance)) is not None:
                found.add((i, name, j))
    return frozenset(found)


def describe(scene: Scene) -> Description:
    """All that is true of the scene."""
    objects = tuple(Attributes(thing.shape, thing.colour, thing.size) for thing in scene.objects)
    return Description(objects, scene.background, relations(scene.objects))
