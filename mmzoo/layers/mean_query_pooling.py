"""Attention pooling as CLIP's residual networks do it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("mmzoo")
class MeanQueryPooling(keras.layers.Layer):
    """The mean of a sequence attends to it and to itself (arXiv:2103.00020, section 2.4): (B, N, D) -> (B, D).

    The mean and each place have a learned position. What the heads mix is returned as it is: the output projection is the
    caller's. Scores and their softmax are float32 under any dtype policy.
    Raises ValueError where D is not a multiple of num_heads, or N is unknown: the positions could not be made.
    """

    def __init__(self, num_heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_heads < 1:
            raise ValueError(f"num_heads must be at least 1, received {num_heads}")
        self.num_heads = num_heads

    def build(self, sequence_shape: Any) -> None:
        _, length, width = sequence_shape
        if length is None or width % self.num_heads:
            raise ValueError(
                f"sequence must have a fixed length and a multiple of num_heads={self.num_heads} channels, "
                f"received {tuple(sequence_shape)}"
            )
        start = keras.initializers.RandomNormal(stddev=width**-0.5)
        self.positions = self.add_weight(name="positions", shape=(length + 1, width), initializer=start)
        self.query, self.key, self.value = (
            keras.layers.Dense(width, kernel_initializer=start, dtype=self.dtype_policy, name=name)
            for name in ("query", "key", "value")
        )
        for dense in (self.query, self.key, self.value):
            dense.build((None, length + 1, width))
        self.built = True

    def call(self, sequence: Any) -> Any:
        mean = ops.mean(sequence, axis=1, keepdims=True)
        tokens = ops.concatenate([mean, sequence], axis=1) + ops.cast(self.positions, sequence.dtype)
        head_dim = tokens.shape[-1] // self.num_heads
        queries = self._split_heads(self.query(tokens[:, :1]) * head_dim**-0.5)
        scores = ops.matmul(queries, ops.transpose(self._split_heads(self.key(tokens)), (0, 1, 3, 2)))
        weights = ops.cast(ops.softmax(ops.cast(scores, "float32"), axis=-1), tokens.dtype)
        mixed = ops.matmul(weights, self._split_heads(self.value(tokens)))
        return ops.reshape(mixed, (-1, tokens.shape[-1]))

    def _split_heads(self, x: Any) -> Any:
        x = ops.reshape(x, (-1, x.shape[1], self.num_heads, x.shape[-1] // self.num_heads))
        return ops.transpose(x, (0, 2, 1, 3))

    def compute_output_shape(self, sequence_shape: Any) -> tuple[int | None, ...]:
        return (sequence_shape[0], sequence_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"num_heads": self.num_heads}
