"""Batches that make a matcher look closely: the captions of a few pictures that differ in one word stand together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

EMPTY = frozenset({"a", "and", "background", "of", "on"})
"""Words that never tell two captions apart."""


def neighbours(captions: Sequence[str], group: int, rng: np.random.Generator) -> list[list[int]]:
    """Every number of a caption once, in groups of up to `group` captions that are the same but for one word, each with another one
    there; whatever finds no neighbour is a group of its own."""
    words = [caption.split() for caption in captions]
    alike: dict[tuple[str | None, ...], list[int]] = {}
    for index, sentence in enumerate(words):
        for place, word in enumerate(sentence):
            if word not in EMPTY:
                alike.setdefault((*sentence[:place], None, *sentence[place + 1 :]), []).append(index)
    frames = list(alike)
    used: set[int] = set()
    groups = []
    while frames:
        left = []
        for number in rng.permutation(len(frames)):
            frame = frames[number]
            free = [index for index in alike[frame] if index not in used]
            different = {words[index][frame.index(None)]: index for index in rng.permutation(free).tolist()}
            if len(different) > 1:
                groups.append(list(different.values())[:group])
                used.update(groups[-1])
                left.append(frame)
        frames = left
    groups += [[index] for index in range(len(words)) if index not in used]
    return [groups[number] for number in rng.permutation(len(groups))]


def batches(images: Any, token_ids: Any, captions: Sequence[str], batch: int, group: int, seed: int) -> Iterator[Any]:
    """Batches without end of {"images", "token_ids"}; the texts of a group are in one wording.

    images (N, H, W, 3); token_ids (N, W, T), in W wordings; captions: the first of them as text.
    """
    rng = np.random.default_rng(seed)
    while True:
        groups = neighbours(captions, group, rng)
        order = np.concatenate(groups)
        wording = np.repeat(rng.integers(token_ids.shape[1], size=len(groups)), [len(each) for each in groups])
        for start in range(0, len(order) - batch + 1, batch):
            rows = slice(start, start + batch)
            yield {"images": images[order[rows]], "token_ids": token_ids[order[rows], wording[rows]]}
