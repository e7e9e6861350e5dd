"""Drawn digits judged by a classifier that learned from real ones alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from mmzoo.data.augmentation import augment
from mmzoo.data.handwriting import digits
from mmzoo.presets import ImagePreprocessing

COPIES = 8
"""Of each real digit that the classifier learns from, cropped and turned as in training."""
_SIDE = 32


@dataclass(frozen=True)
class DigitReport:
    """Shares in [0, 1]: right, of pictures in which the classifier sees the digit asked for; per_digit, of those asked for one, None where
    none was; on_real, how often it is right of the 359 real digits of the test set, which is what the others are worth. count: pictures.
    """

    right: float
    per_digit: tuple[float | None, ...]
    on_real: float
    count: int

    def to_dict(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)


def judge_digits(pictures: np.ndarray, wanted: Sequence[int] | np.ndarray) -> DigitReport:
    """Names the digit of each picture by scikit-learn's support vectors, and compares it with the one asked for.

    pictures (N, 32, 32, 3) in [0, 255], light ink on black as `digits` has them; wanted (N,) from 0 to 9. The first call learns from the
    training set, in some seconds.
    Raises ValueError for pictures of another shape, none, or as many digits as there are not pictures.
    """
    pictures, wanted = np.asarray(pictures), np.asarray(wanted)
    if pictures.ndim != 4 or pictures.shape[1:] != (_SIDE, _SIDE, 3) or not len(pictures):
        raise ValueError(f"pictures must have shape (N, {_SIDE}, {_SIDE}, 3), received {pictures.shape}")
    if wanted.shape != (len(pictures),) or not np.isin(wanted, range(10)).all():
        raise ValueError(f"wanted must be {len(pictures)} digits from 0 to 9, one a picture, received {wanted!r:.80}")
    model, on_real = _classifier()
    right = model.predict(_ink(pictures)) == wanted
    per_digit = [right[wanted == digit] for digit in range(10)]
    return DigitReport(
        right=float(right.mean()),
        per_digit=tuple(float(each.mean()) if len(each) else None for each in per_digit),
        on_real=on_real,
        count=len(pictures),
    )


@cache
def _classifier() -> tuple[Any, float]:
    """The classifier, and its accuracy on the real test set."""
    from sklearn.svm import SVC

    real, test, rng = digits("train"), digits("test"), np.random.default_rng(0)
    assert real.labels is not None
    assert test.labels is not None
    assert real.augment is not None
    preprocessing = ImagePreprocessing((_SIDE, _SIDE))
    pictures = [
        augment(real.image_at(index), real.augment, preprocessing, rng)
        for index in range(len(real))
        for _ in range(COPIES)
    ]
    model = SVC(C=10.0, gamma="scale").fit(_ink(np.stack(pictures)), np.repeat(real.labels, COPIES))
    found = model.predict(_ink(np.stack([test.image_at(index) for index in range(len(test))])))
    return model, float((found == test.labels).mean())


def _ink(pictures: np.ndarray) -> np.ndarray:
    """Mean ink in [0, 1] of places of 2 x 2 pixels, (N, 256)."""
    grey = np.asarray(pictures, np.float64).mean(-1) / 255
    return grey.reshape(-1, _SIDE // 2, 2, _SIDE // 2, 2).mean((2, 4)).reshape(len(grey), -1)
