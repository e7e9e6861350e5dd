"""What is to be answered of a picture with a text, and how that is learned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from mmzoo.losses.shapes import check_shape
from mmzoo.models.classifier.heads import AnswerHead, Answers, Head, find_head
from mmzoo.training.label_range import MISSING


@dataclass(frozen=True)
class Task:
    """One question that a model learns to answer, and the head that answers it.

    num_classes: how many numbers it gives. head: "softmax" (one class), "sigmoid" (labels that exclude nothing), "hinge" (an SVM's
    scores; with num_classes=1 the second class's lead over the first), "regression" (values).
    labels: names of the classes. weight: of its loss among others. hidden: size of the head's hidden layer, default the trunk's
    width, 0 for none; dropout: after it. label_smoothing: of the loss.
    Raises ValueError for an unknown head, labels that are not the classes, or what the head has no use for.
    """

    num_classes: int
    head: str = "softmax"
    labels: Sequence[str] | None = None
    weight: float = 1.0
    hidden: int | None = None
    dropout: float = 0.0
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        least = 2 if find_head(self.head).needs_two else 1
        if self.num_classes < least:
            raise ValueError(f"num_classes must be at least {least} for {self.head}, received {self.num_classes}")
        if self.labels is not None:
            if isinstance(self.labels, str) or len(self.labels) != self.num_labels:
                raise ValueError(f"labels must be {self.num_labels} names, received {self.labels!r}")
            object.__setattr__(self, "labels", tuple(self.labels))
        if not 0 <= self.weight < float("inf"):
            raise ValueError(f"weight must be at least 0, received {self.weight}")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing must be at least 0 and below 1, received {self.label_smoothing}")
        if self.label_smoothing and not self.kind.smooths:
            raise ValueError(f"label_smoothing must be 0 for {self.head}, received {self.label_smoothing}")

    @property
    def kind(self) -> Head:
        """What its head is."""
        return find_head(self.head)

    @property
    def num_labels(self) -> int:
        """How many classes there are to name: one score decides between two."""
        return max(2, self.num_classes) if self.kind.whole else self.num_classes

    def build(self, pooled: Any, *, dtype: Any, layer_name: str, output_name: str) -> tuple[AnswerHead, Answers, Any]:
        """(the head, its activation, its answers (B, num_classes) float32) for a trunk's pooled vectors."""
        hidden = pooled.shape[-1] if self.hidden is None else self.hidden
        head = AnswerHead(self.num_classes, hidden=hidden, dropout=self.dropout, dtype=dtype, name=layer_name)
        activation = Answers(self.kind.activation, name=output_name)
        return head, activation, activation(head(pooled))

    def holds_class_numbers(self, targets: Any) -> bool:
        """Whether targets of this shape are class numbers, (B,) or (B, 1), and not a number for each class."""
        return self.kind.whole and (len(targets.shape) == 1 or targets.shape[-1] == 1)

    def highest(self, targets: Any) -> int | None:
        """The greatest value that targets of this shape may have, above the least, 0; None where any will do."""
        if self.holds_class_numbers(targets):
            return self.num_labels - 1
        return 1 if self.kind.bounded else None

    def losses(self, answers: Any, targets: Any, logits: Any = None) -> Any:
        """The head's own loss of each example, (B,) float32; of their logits where these are known."""
        if self.head == "regression":
            if len(targets.shape) == 1 and self.num_classes == 1:
                targets = targets[:, None]
            check_shape("targets", targets, tuple(answers.shape))
        values = answers if logits is None else logits
        return self.kind.loss(values, targets, self.label_smoothing, logits is None)

    def accuracies(self, answers: Any, targets: Any) -> Any:
        """How much of each example is answered right, (B,) float32 in [0, 1]; for a head with classes."""
        if not self.kind.whole:
            right = ops.equal(answers > 0.5, ops.reshape(targets, ops.shape(answers)) > 0.5)
            return ops.mean(ops.cast(right, "float32"), axis=-1)
        wanted = ops.reshape(targets, (-1,)) if self.holds_class_numbers(targets) else ops.argmax(targets, axis=-1)
        chosen = ops.argmax(answers, axis=-1) if self.num_classes > 1 else answers[:, 0] > 0
        return ops.cast(ops.equal(ops.cast(chosen, "int32"), ops.cast(wanted, "int32")), "float32")

    def labelled(self, targets: Any) -> Any:
        """Which examples have a label, (B,) bool: MISSING or nan anywhere in a row says that it has none, for regression nan alone."""
        targets = ops.cast(targets, "float32")
        missing = ops.isnan(targets)
        if self.kind.bounded:
            missing = ops.logical_or(missing, ops.equal(targets, MISSING))
        return ops.logical_not(missing if len(targets.shape) == 1 else ops.any(missing, axis=-1))

    @property
    def described(self) -> dict[str, Any]:
        """What labels.json says of it: the names of its classes, if they have any, and what its numbers are."""
        names = {} if self.labels is None else {"labels": list(self.labels)}
        return names | {"activation": self.kind.activation}

    def named(self, answers: np.ndarray) -> list[Any]:
        """The answers (N, num_classes) in words: a label each, its number where there are none; for sigmoid a tuple of those above 1/2.

        Raises ValueError for the head "regression", whose answers are values.
        """
        if self.head == "regression":
            raise ValueError(
                "head must be softmax, sigmoid or hinge to name an answer, received 'regression': use predict"
            )
        names = range(self.num_labels) if self.labels is None else self.labels
        if self.head == "sigmoid":
            return [tuple(name for name, p in zip(names, row, strict=True) if p > 0.5) for row in answers]
        chosen = answers.argmax(1) if self.num_classes > 1 else (answers[:, 0] > 0).astype(int)
        return [names[index] for index in chosen.tolist()]


def write_labels(content: Mapping[str, Any], directory: str | Path) -> None:
    """Writes the labels.json of an asset directory: for whoever runs an exported file; the model has them in its config."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (Path(directory) / "labels.json").write_text(text, encoding="utf-8")
