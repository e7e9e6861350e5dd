"""A model's answers beside what is true, checked once for everything that is measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmzoo.metrics.figures import Figure

_SUM_TOLERANCE = 1e-3  # of the probabilities of one example: float16 rounds


@dataclass(frozen=True, eq=False)
class Answers:
    """N examples: what is true of each, and what the model said.

    task: "classification" (one of C classes is true of each example), "multi-label" (any of C labels) or "regression".
    truth, said: bool (N, C), both; float64 (N, C) for a regression. scores: (N, C), as the model gave them; those of a
    model with one column for two classes are given to both. degrees: (N, C), how much of a label is true. names: C of them.
    """

    task: str
    truth: np.ndarray
    said: np.ndarray
    scores: np.ndarray
    degrees: np.ndarray
    names: tuple[str, ...]

    def part(self, chosen: np.ndarray) -> Answers:
        """Those of the chosen examples, a bool or an index each."""
        truth, said, scores, degrees = (each[chosen] for each in (self.truth, self.said, self.scores, self.degrees))
        return Answers(self.task, truth, said, scores, degrees, self.names)

    def main_figure(self) -> Figure:
        """The one figure that sums them up, beside what one and the same answer to every example reaches.

        Accuracy, the share of examples of which everything said is true, beside the share of the most frequent class (of
        the most frequent set of labels); the mean absolute error of a regression beside that of its best constant, the
        median.
        """
        if self.task == "regression":
            constant = np.median(self.truth, axis=0)
            errors = [float(np.mean(np.abs(self.truth - said))) for said in (self.said, constant)]
            return Figure("mean_absolute_error", *errors)
        right = float(np.mean(self.right))
        return Figure("accuracy", right, float(np.mean((self.truth == self.most_frequent).all(axis=1))))

    @property
    def right(self) -> np.ndarray:
        """Which examples got the true class, or exactly their labels: bool (N,)."""
        return (self.truth == self.said).all(axis=1)

    @property
    def most_frequent(self) -> np.ndarray:
        """The class that is true most often, or the set of labels, the first of equals: bool (C,)."""
        if self.task == "classification":
            return np.arange(len(self.names)) == np.argmax(self.truth.sum(axis=0))
        rows, counts = np.unique(np.packbits(self.truth, axis=1), axis=0, return_counts=True)
        return np.unpackbits(rows[np.argmax(counts)], count=len(self.names)).astype(bool)

    @property
    def are_probabilities(self) -> bool:
        """Whether the scores of each example are a distribution over the classes."""
        sums = self.scores.sum(axis=1)
        return bool(self.scores.min() >= 0 and np.max(np.abs(sums - 1)) < _SUM_TOLERANCE)


def check_answers(targets: Any, predictions: Any, label_names: Sequence[str] = ()) -> Answers:
    """Targets and predictions as Answers; their forms are those of classification_report.

    Raises ValueError where they do not fit each other, a label is out of range, or a prediction is no finite number.
    """
    truth, scores, names = np.asarray(targets), np.asarray(predictions), tuple(label_names)
    is_regression = np.issubdtype(truth.dtype, np.floating) and not names
    scores = scores[:, None] if scores.ndim == 1 else scores
    if scores.ndim != 2 or not scores.size or scores.dtype.kind not in "fiu":
        raise ValueError(
            f"probabilities must be numbers (N, C) with at least one example, received {_form(predictions)}"
        )
    if not np.isfinite(scores).all():
        examples = int(np.count_nonzero(~np.isfinite(scores).all(axis=1)))
        raise ValueError(
            f"probabilities must be finite, received nan or infinity for {examples} of {len(scores)} examples"
        )
    if truth.shape[:1] != scores.shape[:1] or truth.dtype.kind not in "fiub":
        raise ValueError(
            f"targets must be numbers, one row for each of {len(scores)} examples, received {_form(targets)}"
        )
    if is_regression:
        return _regression(truth, scores)
    if truth.ndim == 1 and scores.shape[1] == 1:
        # One column decides between two classes: above one half where it is a probability, else above 0.
        second = scores if scores.min() >= 0 and scores.max() <= 1 else None
        scores = np.hstack([-scores, scores] if second is None else [1 - second, second])
    classes = scores.shape[1]
    if names and len(names) != classes:
        raise ValueError(f"label_names must be {classes}, one a column of the probabilities, received {len(names)}")
    names = names or tuple(map(str, range(classes)))
    return _classes(truth, scores, names) if truth.ndim == 1 else _labels(truth, scores, names)


def _classes(truth: np.ndarray, scores: np.ndarray, names: tuple[str, ...]) -> Answers:
    if truth.dtype.kind not in "iub":
        raise ValueError(
            f"targets must be int (N,) that index the classes, or 0 and 1 (N, {len(names)}), received {_form(truth)}"
        )
    if not (truth.min() >= 0 and truth.max() < len(names)):
        raise ValueError(f"targets must be from 0 to {len(names) - 1}, received {truth.min()} to {truth.max()}")
    columns = np.arange(len(names))
    true, said = truth[:, None] == columns, np.argmax(scores, axis=1)[:, None] == columns
    return Answers("classification", true, said, scores, true, names)


def _labels(truth: np.ndarray, scores: np.ndarray, names: tuple[str, ...]) -> Answers:
    if truth.shape != scores.shape:
        raise ValueError(f"targets must be {scores.shape}, as the probabilities, received {_form(truth)}")
    if not (truth.min() >= 0 and truth.max() <= 1):  # not so of a nan either
        raise ValueError(f"targets must be from 0 to 1 each, received {truth.min()} to {truth.max()}")
    if not (scores.min() >= 0 and scores.max() <= 1):
        raise ValueError(
            f"probabilities must be from 0 to 1 for several labels each, received {scores.min()} to {scores.max()}"
        )
    return Answers("multi-label", truth > 0.5, scores > 0.5, scores, truth.astype(np.float64), names)


def _regression(truth: np.ndarray, scores: np.ndarray) -> Answers:
    truth = truth[:, None] if truth.ndim == 1 and scores.shape[1] == 1 else truth
    if truth.shape != scores.shape or not np.isfinite(truth).all():
        finite = "" if np.isfinite(truth).all() else " with nan or infinity"
        raise ValueError(
            f"targets must be finite and {scores.shape}, as the predictions, or integers that index the classes, received "
            f"{_form(truth)}{finite}"
        )
    names = tuple(map(str, range(truth.shape[1])))
    truth = truth.astype(np.float64)
    return Answers("regression", truth, scores.astype(np.float64), scores, truth, names)


def _form(values: Any) -> str:
    array = np.asarray(values)
    return f"{array.dtype} {array.shape}"
