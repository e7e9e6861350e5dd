"""How far two runtimes' answers are apart."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_NO_DIRECTION = 1e-6  # a vector shorter than this is rounding noise; its angle means nothing


@dataclass(frozen=True)
class Parity:
    """Largest |a - b|, smallest cosine between rows, and largest |a - b| - rtol max |b|: what atol has to cover.

    mean_levels: the mean |a - b| of pictures, in levels of [0, 255]; None where there are none.
    """

    max_abs_diff: float
    min_cosine: float
    excess: float
    mean_levels: float | None = None

    def within(self, atol: float, min_cosine: float) -> bool:
        """Whether both bars hold. NaN is below every bar."""
        return self.excess <= atol and self.min_cosine >= min_cosine


def compare(
    expected: Mapping[str, np.ndarray],
    actual: Mapping[str, np.ndarray],
    *,
    rtol: float = 0.0,
    pictures: Collection[str] = (),
) -> Parity:
    """Compares named outputs, each (B, ...) of any numeric dtype, row by row; the worst of all outputs counts.

    rtol is of the largest value of the row: float32 rounds a sum by the size of what goes into it, and a value near 0
    between large ones can be no more exact than they are.
    Strings are the same, a difference of 0 and a cosine of 1, or not: 1 and 0.
    pictures: outputs in [0, 255], as numbers or as PNG files. Of whole numbers one may be rounded the other way: atol need not cover it.
    Outputs of one number a row have no direction each: their whole column is one vector. NaN and infinity give NaN.
    Raises ValueError where names or shapes differ: there would be nothing to compare.
    """
    if set(expected) != set(actual):
        raise ValueError(f"outputs must be {sorted(expected)}, received {sorted(actual)}")
    return worst(
        [
            (_compare_pictures if name in pictures else _compare_arrays)(name, expected[name], actual[name], rtol)
            for name in expected
        ]
    )


def worst(parities: Sequence[Parity]) -> Parity:
    """The largest differences and the smallest cosine of several comparisons; NaN, unlike with max and min, is kept."""
    levels = [parity.mean_levels for parity in parities if parity.mean_levels is not None]
    return Parity(
        max_abs_diff=float(np.max([parity.max_abs_diff for parity in parities])),
        min_cosine=float(np.min([parity.min_cosine for parity in parities])),
        excess=float(np.max([parity.excess for parity in parities])),
        mean_levels=float(np.max(levels)) if levels else None,
    )


def _compare_arrays(
    name: str, expected: np.ndarray, actual: np.ndarray, rtol: float, no_direction: float = _NO_DIRECTION
) -> Parity:
    if np.shape(expected) != np.shape(actual):
        raise ValueError(f"{name} must have shape {np.shape(expected)}, received {np.shape(actual)}")
    if is_text(expected):
        differ = float([_text(text) for text in expected] != [_text(text) for text in actual])
        return Parity(differ, 1 - differ, differ)
    a, b = (np.asarray(array).astype("float64").reshape(len(array), -1) for array in (actual, expected))
    if not a.size:
        return Parity(0.0, 1.0, 0.0)
    if a.shape[1] == 1:
        a, b = a.T, b.T
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(a - b)
        norms = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
        product = norms[0] * norms[1]
        is_short = np.maximum(*norms) < no_direction
        cosine = np.where(is_short, 1.0, np.sum(a * b, axis=1) / np.where(product == 0, 1.0, product))
        excess = difference - rtol * np.abs(b).max(axis=1, keepdims=True)
        return Parity(float(difference.max()), float(cosine.min()), float(excess.max()))


def _compare_pictures(name: str, expected: np.ndarray, actual: np.ndarray, rtol: float) -> Parity:
    if is_text(expected):
        expected, actual = _pixels(expected), _pixels(actual)
    a_level_each = float(np.prod(expected.shape[1:])) ** 0.5  # a picture as black as this is rounding noise
    parity = _compare_arrays(name, expected, actual, rtol, a_level_each)
    is_rounded = np.issubdtype(expected.dtype, np.integer)
    with np.errstate(invalid="ignore"):
        difference = np.abs(np.asarray(expected, "float64") - np.asarray(actual, "float64"))
    levels = float(difference.mean()) if difference.size else 0.0
    return Parity(parity.max_abs_diff, parity.min_cosine, parity.excess - is_rounded, levels)


def _pixels(files: np.ndarray) -> np.ndarray:
    """PNG files (B,) of one size -> (B, H, W, 3) uint8."""
    from PIL import Image

    return np.stack([np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files])


def is_text(array: np.ndarray) -> bool:
    """Whether this holds strings, as str or bytes."""
    return np.asarray(array).dtype.kind in "OSU"


def _text(value: str | bytes) -> str:
    """NumPy's own strings end at their last character that is not NUL."""
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).rstrip("\0")
