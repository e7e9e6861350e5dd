"""How far two runtimes' answers are apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_NO_DIRECTION = 1e-6  # a vector shorter than this is rounding noise; its angle means nothing


@dataclass(frozen=True)
class Parity:
    """Largest |a - b|, smallest cosine between rows, and largest |a - b| - rtol max |b|: what atol has to cover."""

    max_abs_diff: float
    min_cosine: float
    excess: float

    def within(self, atol: float, min_cosine: float) -> bool:
        """Whether both bars hold. NaN is below every bar."""
        return self.excess <= atol and self.min_cosine >= min_cosine


def compare(expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray], *, rtol: float = 0.0) -> Parity:
    """Compares named outputs, each (B, ...) of any numeric dtype, row by row; the worst of all outputs counts.

    rtol is of the largest value of the row: float32 rounds a sum by the size of what goes into it, and a value near 0
    between large ones can be no more exact than they are.
    Strings are the same, a difference of 0 and a cosine of 1, or not: 1 and 0.
    Outputs of one number a row have no direction each: their whole column is one vector. NaN and infinity give NaN.
    Raises ValueError where names or shapes differ: there would be nothing to compare.
    """
    if set(expected) != set(actual):
        raise ValueError(f"outputs must be {sorted(expected)}, received {sorted(actual)}")
    return worst([_compare_arrays(name, expected[name], actual[name], rtol) for name in expected])


def worst(parities: Sequence[Parity]) -> Parity:
    """The largest differences and the smallest cosine of several comparisons; NaN, unlike with max and min, is kept."""
    return Parity(
        max_abs_diff=float(np.max([parity.max_abs_diff for parity in parities])),
        min_cosine=float(np.min([parity.min_cosine for parity in parities])),
        excess=float(np.max([parity.excess for parity in parities])),
    )


def _compare_arrays(name: str, expected: np.ndarray, actual: np.ndarray, rtol: float) -> Parity:
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
        is_short = np.maximum(*norms) < _NO_DIRECTION
        cosine = np.where(is_short, 1.0, np.sum(a * b, axis=1) / np.where(product == 0, 1.0, product))
        excess = difference - rtol * np.abs(b).max(axis=1, keepdims=True)
        return Parity(float(difference.max()), float(cosine.min()), float(excess.max()))


def is_text(array: np.ndarray) -> bool:
    """Whether this holds strings, as str or bytes."""
    return np.asarray(array).dtype.kind in "OSU"


def _text(value: str | bytes) -> str:
    """NumPy's own strings end at their last character that is not NUL."""
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).rstrip("\0")
