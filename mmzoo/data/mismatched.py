"""Captions that do not describe the pictures they are shown with, for models that learn from what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.data.scenes.checking import compare
from mmzoo.data.scenes.parsing import parse_caption
from mmzoo.data.scenes.scene import Scene
from mmzoo.data.source import Chosen

if TYPE_CHECKING:
    from mmzoo.data.pairs import Pairs

HARD_SHARE = 0.5
"""How often a hard one is taken, where there are any."""
_TRIES = 16


def mismatched_texts(pairs: Pairs, chosen: Chosen) -> list[str]:
    """A caption for each of the pictures chosen that is not about it: half of them hard negatives, where the pairs have any.

    The others are captions of pictures drawn at random, never of one that has the class or a caption of this one, nor, of drawn scenes,
    one that is true of it in other words. Where none is found,
    and all pictures may be of one class, it is the picture's own, its own text, by which a model knows to leave it out.
    """
    drawn = [_mismatched(pairs, index, chosen.rng) for index in chosen.indices.tolist()]
    return [own if text is None else text for text, own in zip(drawn, chosen.texts, strict=True)]


def _mismatched(pairs: Pairs, index: int, rng: np.random.Generator) -> str | None:
    hard = pairs.hard_negatives[index] if pairs.hard_negatives is not None else ()
    if hard and rng.random() < HARD_SHARE:
        return hard[rng.integers(len(hard))]
    own = set(pairs.captions[index])
    for other in rng.integers(len(pairs), size=_TRIES).tolist():
        same_class = pairs.labels is not None and pairs.labels[other] == pairs.labels[index]
        if not same_class and own.isdisjoint(pairs.captions[other]):
            row = pairs.captions[other]
            text = row[rng.integers(len(row))]
            if pairs.truth is None or not _is_true(text, pairs.truth[index]):
                return text
    return None


def _is_true(text: str, truth: Any) -> bool:
    """Whether a caption is so of a drawn scene, such as with its objects named in another order; False of what is no scene."""
    claims = parse_caption(text) if isinstance(truth, Scene) else None
    return claims is not None and compare(claims, truth).all
