"""What a decoder looks at, made comparable and told apart by place."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("mmzoo")
class Memory(keras.layers.Layer):
    """Layer-normalised vectors plus a learned vector for each place (as positions of arXiv:2010.11929): (B, S, C) -> (B, S, C).

    A convolutional network's regions say what is there, not where.
    Raises ValueError for a sequence whose length is not known.
    """

    def __init__(self, *, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.norm = keras.layers.LayerNormalization(epsilon=epsilon, dtype=self.dtype_policy, name="norm")

    def build(self, memory_shape: Any) -> None:
        if len(memory_shape) != 3 or None in memory_shape[1:]:
            raise ValueError(f"memory must have shape (B, S, C) with S and C known, received {tuple(memory_shape)}")
        self.norm.build(memory_shape)
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.places = self.add_weight(name="places", shape=tuple(memory_shape[1:]), initializer=small)
        self.built = True

    def call(self, memory: Any) -> Any:
        x = self.norm(memory)
        return x + ops.cast(self.places, x.dtype)

    def compute_output_shape(self, memory_shape: Any) -> tuple[int | None, ...]:
        return tuple(memory_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"epsilon": self.epsilon}
