"""Whether a classifier that says 0.8 is right eight times of ten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 15  # as in arXiv:1706.04599


@dataclass(frozen=True)
class CalibrationBin:
    """The examples whose highest probability is above low and at most high: how many, their mean probability and accuracy.

    confidence, accuracy: in [0, 1], None for a bin without an example.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """Expected calibration error, in [0, 1], 0 is best (arXiv:1706.04599, section 2): the mean over the examples of
    |accuracy - confidence| of their bin, and the bins."""

    error: float
    bins: tuple[CalibrationBin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: "expected_calibration_error" and "bins"."""
        return {"expected_calibration_error": self.error, "bins": [dict(vars(each)) for each in self.bins]}


def measure_calibration(confidence: np.ndarray, right: np.ndarray) -> Calibration:
    """Calibration in 15 bins of equal width. confidence (N,): each example's highest probability, in [0, 1]; right (N,) bool."""
    edges = np.arange(BINS + 1) / BINS
    confidence = np.asarray(confidence, np.float64)
    places = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    sums = [np.bincount(places, weights=values, minlength=BINS) for values in (confidence, right)]
    error = float(np.sum(np.abs(sums[0] - sums[1])) / len(confidence))
    bins = []
    for place, count in enumerate(counts.tolist()):
        means = [float(each[place]) / count if count else None for each in sums]
        bins.append(CalibrationBin(float(edges[place]), float(edges[place + 1]), count, *means))
    return Calibration(error, tuple(bins))
