"""Notices labels that cannot be: there is nothing that a model could learn from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

MISSING = -1
"""The class number of an example without a label, where there may be such."""


def check_label_range(
    labels: Any, highest: int | None, *, whole: bool = False, may_miss: bool = False, of: str = ""
) -> None:
    """Looks at labels that are in memory, of any shape.

    highest: what they may be at most, None for any finite number; whole: they are class numbers; may_miss: nan, and MISSING where
    there is a highest, say that there is no label; of: the task that they belong to. Raises ValueError for one that is not finite, or
    outside [0, highest], or a class number with a fraction.
    """
    values = np.asarray(labels, "float64")
    if may_miss:
        values = values[~np.isnan(values)]
    _refuse_endless(bool(np.isfinite(values).all()), may_miss, of)
    if highest is None:
        return
    if may_miss:
        values = values[values != MISSING]
    if not values.size:
        return
    _refuse(float(values.min()), float(values.max()), highest, may_miss, of)
    if whole and (values % 1).any():
        raise ValueError(f"labels{_named(of)} must be whole numbers, received {values[values % 1 != 0][0]:g}")


@keras.saving.register_keras_serializable("mmzoo")
class LabelRange(keras.metrics.Metric):
    """The least and the greatest label of an epoch, kept on the device and out of the logs: its result is an empty dictionary.

    may_miss: MISSING and nan are no labels and do not count. Any other that is not finite is kept as the greatest, an infinity.
    """

    def __init__(self, name: str = "label_range", *, may_miss: bool = False, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.may_miss = may_miss
        self.least, self.greatest, self.highest = (
            self.add_variable(shape=(), initializer="zeros", aggregation="mean", name=bound)
            for bound in ("least", "greatest", "highest")
        )

    def update_state(self, labels: Any, highest: int | None) -> None:
        """Looks at labels of any shape, which may be at most `highest`; None for any finite number."""
        labels = ops.cast(labels, self.least.dtype)
        if self.may_miss:
            missing = ops.logical_or(ops.equal(labels, MISSING), ops.isnan(labels))
            labels = ops.where(missing, ops.zeros_like(labels), labels)
        # What a minimum or maximum makes of nan is each backend's own.
        within = ops.zeros_like(labels) if highest is None else labels
        labels = ops.where(ops.isfinite(labels), within, float("inf"))
        self.least.assign(ops.minimum(self.least, ops.min(labels)))
        self.greatest.assign(ops.maximum(self.greatest, ops.max(labels)))
        self.highest.assign(ops.cast(highest or 0, self.highest.dtype))

    def check(self, of: str = "") -> None:
        """Raises ValueError for a label seen that was not finite, or outside [0, highest]; outside of a training step."""
        least, greatest, highest = (float(bound + 0.0) for bound in (self.least, self.greatest, self.highest))
        _refuse_endless(bool(np.isfinite(greatest)), self.may_miss, of)
        _refuse(least, greatest, int(highest), self.may_miss, of)

    def result(self) -> dict[str, Any]:
        return {}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"may_miss": self.may_miss}


class RefuseLabelsOutside(keras.callbacks.Callback):
    """Looks at LabelRanges, by the name of their task, after the first batch and after every epoch, and stops a training on labels
    that cannot be."""

    def __init__(self, ranges: Mapping[str, LabelRange]) -> None:
        super().__init__()
        self.ranges = ranges
        self.looked = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self.looked:
            self.looked = True
            self._look()

    def on_test_begin(self, logs: Any = None) -> None:
        self._look()  # the validation after an epoch forgets what its batches held

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._look()

    def _look(self) -> None:
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        for task, seen in self.ranges.items():
            seen.check(task)


def _refuse_endless(finite: bool, may_miss: bool, of: str) -> None:
    if not finite:
        refused = ", or nan where there is none, received infinity"
        if not may_miss:
            refused = ", received nan or infinity: a MultiTask of one task or more takes examples without a label"
        raise ValueError(f"labels{_named(of)} must be finite{refused}")


def _refuse(least: float, greatest: float, highest: int, may_miss: bool, of: str) -> None:
    if least < 0 or greatest > highest:
        otherwise = f", or {MISSING} where there is none" if may_miss else ""
        raise ValueError(
            f"labels{_named(of)} must be from 0 to {highest}{otherwise}, received {least:g} to {greatest:g}"
        )


def _named(of: str) -> str:
    return f" of {of}" if of else ""
