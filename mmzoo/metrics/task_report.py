"""How well a model does a task: its figures, class by class and kind by kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmzoo.metrics.calibration import Calibration
from mmzoo.metrics.figures import Figure, figure_table


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """Precision and recall (P,) at every threshold that changes them, the lowest first, and (1, 0) at the end."""

    precision: np.ndarray
    recall: np.ndarray


@dataclass(frozen=True, eq=False)
class ClassFigures:
    """What a model knows of one class: each figure in [0, 1], or None where it is not defined.

    count: examples it is true of; said: examples it was named for. precision: None for a class that was never named;
    recall, average_precision, curve: for one that never occurs; f1: where both are so; roc_auc: where it is true of no example
    or of all.
    """

    name: str
    count: int
    said: int
    precision: float | None
    recall: float | None
    f1: float | None
    roc_auc: float | None
    average_precision: float | None
    curve: PrecisionRecallCurve | None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, without the curve."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self) if each.name != "curve"}


@dataclass(frozen=True)
class KindFigure:
    """The task's first figure on the examples of one kind, "left of", and what the best constant answer to these reaches."""

    kind: str
    count: int
    value: float
    chance: float


@dataclass(frozen=True, eq=False)
class TaskReport:
    """What classification_report found.

    task: "classification", "multi-label" or "regression". figures: those that are defined, with chance beside each.
    confusion: (C, C) int, a row a true class, a column an answer; classification only. calibration: where the model gave a
    distribution over the classes.
    """

    task: str
    examples: int
    figures: tuple[Figure, ...]
    per_class: tuple[ClassFigures, ...] = ()
    per_kind: tuple[KindFigure, ...] = ()
    confusion: np.ndarray | None = None
    calibration: Calibration | None = None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: "task", "examples", each figure and its "..._chance", and "per_class", "per_kind", "confusion" and
        "calibration" where there are such. The curves, thousands of points, stay in the report."""
        record: dict[str, Any] = {"task": self.task, "examples": self.examples}
        record |= {
            name: value for f in self.figures for name, value in ((f.name, f.value), (f"{f.name}_chance", f.chance))
        }
        if self.per_class:
            record["per_class"] = [each.to_dict() for each in self.per_class]
        if self.per_kind:
            record["per_kind"] = [dataclasses.asdict(each) for each in self.per_kind]
        if self.confusion is not None:
            record["confusion"] = self.confusion.tolist()
        if self.calibration is not None:
            record["calibration"] = self.calibration.to_dict()
        return record

    def __str__(self) -> str:
        parts = [f"{self.examples} examples, {self.task}\n{figure_table(self.figures)}"]
        if self.calibration is not None:
            parts[0] += f"\nexpected calibration error {self.calibration.error:.4f}"
        if self.per_class:
            figures = ("count", "precision", "recall", "f1", "roc_auc", "average_precision")
            rows = [(each.name, *(getattr(each, name) for name in figures)) for each in self.per_class]
            parts.append(text_table(("class", *figures), rows))
        if self.per_kind:
            kinds = [(each.kind, each.count, each.value, each.chance) for each in self.per_kind]
            parts.append(text_table(("kind", "count", self.figures[0].name, "chance"), kinds))
        return "\n\n".join(parts)


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str | int | float | None]]) -> str:
    """Columns under their headers, the first to the left: 4 digits for a float, "-" for None."""
    cells = [list(headers), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for first, *others in cells:
        columns = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([f"{first:<{widths[0]}}", *columns]).rstrip())
    return "\n".join(lines)


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
