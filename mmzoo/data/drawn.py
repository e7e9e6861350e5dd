"""Pictures that a model draws, as pairs to train another on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.pairs import Pairs


class Painter(Protocol):
    """What draws: a TextToImage."""

    def generate(self, captions: Sequence[str], **options: Any) -> np.ndarray:
        """(N, H, W, 3) uint8."""


def drawn_pairs(
    model: Painter,
    captions: Sequence[str],
    count: int,
    *,
    augment: Augment | None,
    seed: int = 0,
    **options: Any,
) -> Pairs:
    """`count` pictures of captions drawn evenly at random, to be joined to real ones.

    As `real.concat(drawn_pairs(model, ..., augment=real.augment))`.

    What a generator learned from the same pictures adds nothing new to them but variety; measure whether it helps before relying on it.
    augment: what is safe to do to them in training; joined pairs have what both allow, so None would stop the real ones' too.
    seed: of the choice and of the noise. options: of generate, such as candidates and judge.
    Raises ValueError for no captions or a count below 1.
    """
    if isinstance(captions, str) or not len(captions) or count < 1:
        raise ValueError(
            f"captions must be one string or more and count at least 1, received {captions!r:.80} and {count}"
        )
    chosen = np.random.default_rng(seed).integers(len(captions), size=count)
    texts = [captions[index] for index in chosen]
    return Pairs(model.generate(texts, seed=seed, **options), tuple((text,) for text in texts), augment=augment)
