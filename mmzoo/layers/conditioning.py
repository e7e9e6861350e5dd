"""What lets a vector steer a network of convolutions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("mmzoo")
class ConditionalAffine(keras.layers.Layer):
    """Scales and shifts each channel as a condition says (arXiv:2008.05865, section 3.4): x (B, H, W, C), condition (B, E) -> x's shape.

    x * (1 + scale) + shift, both linear in the condition; they start at 0, where the layer changes nothing.
    """

    def build(self, x_shape: Any, condition_shape: Any) -> None:
        self.channels = int(x_shape[-1])
        self.affine = keras.layers.Dense(
            2 * self.channels, kernel_initializer="zeros", dtype=self.dtype_policy, name="affine"
        )
        self.affine.build(condition_shape)
        self.built = True

    def call(self, x: Any, condition: Any) -> Any:
        scale, shift = ops.split(self.affine(condition)[:, None, None, :], 2, axis=-1)
        return x * (1.0 + scale) + shift

    def compute_output_shape(self, x_shape: Any, condition_shape: Any) -> Any:
        return x_shape


@keras.saving.register_keras_serializable("mmzoo")
class ResidualGate(keras.layers.Layer):
    """x + gate * residual, with one learned number: two tensors of one shape -> the same.

    initial: where the gate starts; at 0 a discriminator's blocks see no more than the mean colour of a place for a long time.
    """

    def __init__(self, initial: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initial = initial

    def build(self, x_shape: Any, residual_shape: Any) -> None:
        self.gate = self.add_weight(name="gate", shape=(), initializer=keras.initializers.Constant(self.initial))
        self.built = True

    def call(self, x: Any, residual: Any) -> Any:
        return x + self.gate * residual

    def compute_output_shape(self, x_shape: Any, residual_shape: Any) -> Any:
        return x_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"initial": self.initial}
