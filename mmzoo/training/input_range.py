"""Notices pictures in [0, 1] where a model expects [0, 255]: they train, and badly, without an error."""

from __future__ import annotations

import warnings
from typing import Any

import keras
from keras import ops


def warn_if_unit_range(largest: float) -> None:
    """Warns where the largest pixel value is at most 1, but for pictures that are all black."""
    if 0 < largest <= 1:
        warnings.warn(
            f"images must be in [0, 255], received values of at most {float(largest):g}: multiply pictures in [0, 1] by 255",
            UserWarning,
            stacklevel=3,
        )


@keras.saving.register_keras_serializable("mmzoo")
class InputRange(keras.metrics.Metric):
    """The largest pixel value of an epoch, kept on the device and out of the logs: its result is an empty dictionary."""

    def __init__(self, name: str = "input_range", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        # Each replica has its own; their mean is above 1 if any of them is far above it, which a picture in [0, 255] is.
        self.largest = self.add_variable(shape=(), initializer="zeros", aggregation="mean", name="largest")

    def update_state(self, images: Any) -> None:
        self.largest.assign(ops.maximum(self.largest, ops.cast(ops.max(images), self.largest.dtype)))

    def read(self) -> float:
        """The largest value so far, as a Python number; outside of a training step."""
        return float(self.largest + 0.0)  # the sum also reads the variable of a distribution strategy

    def result(self) -> dict[str, Any]:
        return {}


class WarnOnUnitRange(keras.callbacks.Callback):
    """Looks at the model's InputRange once, after the first training batch."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.looked:
            return
        self.looked = True
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        warn_if_unit_range(self.model.input_range.read())
