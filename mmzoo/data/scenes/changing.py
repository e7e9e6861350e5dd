"""Scenes that differ from a scene in one thing: what captions that are nearly right are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mmzoo.data.scenes.description import relation
from mmzoo.data.scenes.scene import Scene, is_held_out
from mmzoo.data.scenes.vocabulary import BACKGROUNDS, COLOURS, SHAPES, SIZES

VALUES: dict[str, tuple[str, ...]] = {
    "shape": tuple(SHAPES),
    "colour": tuple(COLOURS),
    "size": tuple(SIZES),
    "background": tuple(BACKGROUNDS),
}
"""What can be another, with all it can be."""


def changed(scene: Scene, kind: str, which: int = 0) -> Iterator[Scene]:
    """The scene with every other value of one thing of its object `which`, or of its background.

    Only what a training picture may show: no held-out combination, or a caption of one would be known to be wrong, and no two
    objects of one shape and colour.
    """
    for value in VALUES[kind]:
        change: dict[str, Any] = {kind: value}
        if kind == "background":
            other = replace(scene, **change)
        else:
            objects = (*scene.objects[:which], replace(scene.objects[which], **change), *scene.objects[which + 1 :])
            other = replace(scene, objects=objects)
        looks = {(thing.shape, thing.colour) for thing in other.objects}
        held_out = any(is_held_out(thing, other.background) for thing in other.objects)
        if other != scene and len(looks) == len(other.objects) and not held_out:
            yield other


def exchanged(scene: Scene) -> Scene | None:
    """The scene with its first two objects in one another's place, where a caption says how they stand; else None."""
    if len(scene.objects) < 2 or relation(scene.objects[0], scene.objects[1]) is None:
        return None
    first, second, *others = scene.objects
    return replace(
        scene, objects=(replace(first, x=second.x, y=second.y), replace(second, x=first.x, y=first.y), *others)
    )


def neighbours(scene: Scene) -> list[Scene]:
    """All scenes that differ in one thing, some of them more than once: shapes, which are told apart last, most often."""
    found = []
    for kind, times in (("shape", 5), ("colour", 1), ("size", 5)):
        for which in range(len(scene.objects)):
            found += times * list(changed(scene, kind, which))
    found += 2 * list(changed(scene, "background"))
    other = exchanged(scene)
    return found if other is None else [*found, *(10 * [other])]
