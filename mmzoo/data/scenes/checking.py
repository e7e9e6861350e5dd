"""Compares what is claimed with what is so: a caption with a scene, or a picture with the caption it was drawn for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, permutations

import numpy as np

from mmzoo.data.scenes.description import Attributes, Description, describe
from mmzoo.data.scenes.reading import Refusal, read_scene
from mmzoo.data.scenes.scene import Scene
from mmzoo.data.scenes.vocabulary import RELATIONS


@dataclass(frozen=True)
class Agreement:
    """Claims against facts, attribute by attribute, over all objects; what is not claimed is not wrong.

    missed: objects that are there and not claimed. invented: objects that are claimed and not there; their attributes
    count as wrong. complete: shape, colour and size of every object and the background are claimed. refused: why a
    picture could not be read, if the facts came from one.
    """

    shape: bool
    colour: bool
    size: bool
    background: bool
    relations: bool
    missed: int
    invented: int
    complete: bool
    refused: Refusal | None = None

    @property
    def all(self) -> bool:
        """Nothing claimed is wrong, nothing is missed, nothing is invented."""
        return all((self.shape, self.colour, self.size, self.background, self.relations)) and not (
            self.missed or self.invented
        )


def compare(claims: Description, facts: Description | Scene, *, refused: Refusal | None = None) -> Agreement:
    """Judges claims by facts; objects are matched so that most attributes agree.

    To judge a caption: compare(parse_caption(text), scene). Asking for `all and complete` asks that it says everything.
    """
    facts = describe(facts) if isinstance(facts, Scene) else facts
    matching = _match(claims.objects, facts.objects)
    pairs = [(claim, facts.objects[j]) for claim, j in zip(claims.objects, matching, strict=True) if j is not None]
    invented = matching.count(None)
    known = facts.relations | {(j, RELATIONS[name], i) for i, name, j in facts.relations}
    return Agreement(
        shape=not invented and all(claim.shape in (None, fact.shape) for claim, fact in pairs),
        colour=not invented and all(claim.colour in (None, fact.colour) for claim, fact in pairs),
        size=not invented and all(claim.size in (None, fact.size) for claim, fact in pairs),
        background=claims.background in (None, facts.background),
        relations=all((matching[i], name, matching[j]) in known for i, name, j in claims.relations),
        missed=len(facts.objects) - len(pairs),
        invented=invented,
        complete=claims.background is not None
        and all(None not in (claim.shape, claim.colour, claim.size) for claim in claims.objects),
        refused=refused,
    )


def check(image: np.ndarray, wanted: Description | Scene) -> Agreement:
    """Does the picture show what was wanted? Judged from its pixels by `read_scene`.

    image (S, S, 3) in [0, 255]; wanted: a scene, or a parsed caption, in which what is not said is free.
    """
    reading = read_scene(image)
    claims = describe(wanted) if isinstance(wanted, Scene) else wanted
    return compare(claims, reading.description(), refused=reading.refused)


def _match(claims: tuple[Attributes, ...], facts: tuple[Attributes, ...]) -> list[int | None]:
    """For every claim the index of its fact, each fact used once, None where facts run out; most attributes agree."""

    def agreed(pairs: Sequence[tuple[int, int]]) -> int:
        both = [(claims[i], facts[j]) for i, j in pairs]
        return sum((c.shape == f.shape) + (c.colour == f.colour) + (c.size == f.size) for c, f in both)

    # The fewer are dealt out to the more: a rambling caption costs its length cubed, not its factorial.
    if len(claims) <= len(facts):
        deals = [list(enumerate(order)) for order in permutations(range(len(facts)), len(claims))]
    else:
        deals = [list(zip(order, count(), strict=False)) for order in permutations(range(len(claims)), len(facts))]
    best = max(deals, key=agreed)
    fact_of = dict(best)
    return [fact_of.get(i) for i in range(len(claims))]
