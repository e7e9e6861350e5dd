"""A slow copy of a model's weights, which teaches the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("mmzoo")
class MomentumCopy(keras.layers.Layer):
    """Moving average of other layers' weights (MoCo, arXiv:1911.05722, section 3.2; ALBEF, arXiv:2107.07651, section 3.4).

    It holds weights alone, never trained: the layers themselves run with them inside standing_in.
    momentum: what is kept of the average at each update. follow(layers), once, says what is averaged; call(layers=...), the same
    ones, updates: average = momentum * average + (1 - momentum) * weight. The first update copies, so weights that were loaded after
    the model was built count.
    Raises ValueError for a momentum outside [0, 1).
    """

    def __init__(self, momentum: float, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"  # half precision would lose the small steps
        super().__init__(**kwargs)
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be at least 0 and below 1, received {momentum}")
        self.momentum = momentum

    def follow(self, layers: Sequence[keras.layers.Layer]) -> None:
        """Makes room for the averages of these built layers' weights; Keras would keep the arguments of a build, and so the layers."""
        self.updates = self.add_weight(name="updates", shape=(), dtype="int32", initializer="zeros", trainable=False)
        self.averages = [
            self.add_weight(
                name=f"average_{index}",
                shape=weight.shape,
                dtype=weight.dtype,
                initializer="zeros",
                trainable=False,
                autocast=False,
            )
            for index, weight in enumerate(_weights(layers))
        ]
        self.built = True

    def call(self, *, layers: Sequence[keras.layers.Layer]) -> None:
        kept = ops.where(ops.equal(self.updates, 0), 0.0, self.momentum)
        for average, weight in zip(self.averages, _weights(layers), strict=True):
            mixed = kept * ops.cast(average, "float32") + (1.0 - kept) * ops.cast(weight, "float32")
            average.assign(ops.cast(mixed, average.dtype))
        self.updates.assign(self.updates + 1)

    def standing_in(self, layers: Sequence[keras.layers.Layer]) -> keras.StatelessScope:
        """A context in which the layers run with the averages; run them with training=False, for what they change is forgotten."""
        return keras.StatelessScope(list(zip(_weights(layers), self.averages, strict=True)))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"momentum": self.momentum}


def _weights(layers: Sequence[keras.layers.Layer]) -> list[Any]:
    return [weight for layer in layers for weight in layer.weights]
