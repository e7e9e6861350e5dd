"""The learned temperature of contrastive learning."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("mmzoo")
class AtMost(keras.constraints.Constraint):
    """Keeps a variable at or below `maximum` after every update."""

    def __init__(self, maximum: float) -> None:
        self.maximum = maximum

    def __call__(self, value: Any) -> Any:
        return ops.minimum(value, ops.cast(self.maximum, value.dtype))

    def get_config(self) -> dict[str, Any]:
        return {"maximum": self.maximum}


@keras.saving.register_keras_serializable("mmzoo")
class LogitScale(keras.layers.Layer):
    """exp(t) * similarities, plus a bias where SigLIP has one (arXiv:2103.00020, section 2.5; arXiv:2303.15343, section 3).

    initial: the scale to start with, 1 / 0.07 in CLIP, 10 in SigLIP. maximum: never exceeded after an update, 100 in CLIP; None
    for no limit, as in SigLIP.
    initial_bias: None for no bias; -10 in SigLIP. learned: False keeps both where they start, for an objective without a scale.
    Any shape -> the same shape, float32 under any dtype policy.
    Raises ValueError unless 0 < initial <= maximum: the constraint would jump at the first step.
    """

    def __init__(
        self,
        initial: float = 1 / 0.07,
        *,
        maximum: float | None = 100.0,
        initial_bias: float | None = None,
        learned: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if not 0 < initial <= (math.inf if maximum is None else maximum):
            raise ValueError(f"initial must be above 0 and at most maximum={maximum}, received {initial}")
        self.initial, self.maximum, self.initial_bias, self.learned = initial, maximum, initial_bias, learned

    def build(self, input_shape: Any = None) -> None:
        self.log_scale = self.add_weight(
            name="log_scale",
            shape=(),
            initializer=keras.initializers.Constant(math.log(self.initial)),
            constraint=None if self.maximum is None else AtMost(math.log(self.maximum)),
            trainable=self.learned,
        )
        self.bias = None
        if self.initial_bias is not None:
            initializer = keras.initializers.Constant(self.initial_bias)
            self.bias = self.add_weight(name="bias", shape=(), initializer=initializer, trainable=self.learned)
        self.built = True

    def call(self, similarities: Any) -> Any:
        logits = ops.exp(self.log_scale) * similarities
        return logits if self.bias is None else logits + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "initial": self.initial,
            "maximum": self.maximum,
            "initial_bias": self.initial_bias,
            "learned": self.learned,
        }
