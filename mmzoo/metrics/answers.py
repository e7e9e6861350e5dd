"""A model's answers beside what is true, checked once for everything that is measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    soft: whether labels are true in part, as VQA's are by how many people gave them; so of a part, whichever its own are.
    """

    task: str
    truth: np.ndarray
    said: np.ndarray
    scores: np.ndarray
    degrees: np.ndarray
    names: tuple[str, ...]
    soft: bool = False

    def part(self, chosen: np.ndarray) -> Answers:
        """Those of the chosen examples, a bool or an index each."""
        truth, said, scores, degrees = (each[chosen] for each in (self.truth, self.said, self.scores, self.degrees))
        return replace(self, truth=truth, said=said, scores=scores, degrees=degrees)

    def main_figure(self) -> Figure:
        """The one figure that sums them up, beside what one and the same answer to every example reaches.

        Accuracy, the share of examples of which everything said is true, beside the share of the most frequent class (of
        the most frequent set of labels); top1 of soft labels, which no set of them is exactly right about; the mean absolute
        error of a regression beside that of its best constant, the median.
        """
        if self.task == "regression":
            constant = np.median(self.truth, axis=0)
            errors = [float(np.mean(np.abs(self.truth - said))) for said in (self.said, constant)]
            return Figure("mean_absolute_error", *errors)
        if self.soft:
            return self.top1()
        right = float(np.mean(self.right))
        return Figure("accuracy", right, float(np.mean((self.truth == self.most_frequent).all(axis=1))))

    def top1(self) -> Figure:
        """How true the label with the highest score is, beside the best single label."""
        first = self.degrees[np.arange(len(self.degrees)), np.argmax(self.scores, axis=1)]
        return Figure("top1", float(first.mean()), float(self.degrees.mean(axis=0).max()))

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


def threshold_of(model: Any, predictions: Any) -> float:
    """Above which number one column says the second of two classes: what the model's head says, else what its predictions look like.

    A hinge score decides at 0, wherever a batch of them lies.
    """
    return 0.0 if getattr(model, "head", None) == "hinge" else _guessed_threshold(np.asarray(predictions))


def _guessed_threshold(scores: np.ndarray) -> float:
    return 0.5 if scores.size and scores.min() >= 0 and scores.max() <= 1 else 0.0


def check_answers(
    targets: Any, predictions: Any, label_names: Sequence[str] = (), threshold: float | None = None
) -> Answers:
    """Targets and predictions as Answers; their forms, and the threshold, are those of classification_report.

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
        # Mirrored about the threshold, the first class has the higher score below it; of a probability that is the rest to 1.
        middle = _guessed_threshold(scores) if threshold is None else threshold
        scores = np.hstack([2 * middle - scores, scores])
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
    degrees = truth.astype(np.float64)
    return Answers("multi-label", truth > 0.5, scores > 0.5, scores, degrees, names, soft=bool((degrees % 1).any()))


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
