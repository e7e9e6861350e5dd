"""Pooling by learned queries."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.layers.attention import Attention


@keras.saving.register_keras_serializable("mmzoo")
class QueryPooling(keras.layers.Layer):
    """Learned queries attend to a sequence (CoCa, arXiv:2205.01917, section 3.2): (B, S, any) -> (B, num_queries, width).

    The sequence and what is returned are layer-normalised. Raises ValueError for num_queries under 1, or a width that is not a
    multiple of num_heads.
    """

    def __init__(self, num_queries: int, width: int, num_heads: int, *, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_queries < 1:
            raise ValueError(f"num_queries must be at least 1, received {num_queries}")
        self.num_queries, self.width, self.num_heads, self.epsilon = num_queries, width, num_heads, epsilon
        policy = self.dtype_policy
        self.sequence_norm, self.final_norm = (
            keras.layers.LayerNormalization(epsilon=epsilon, dtype=policy, name=name)
            for name in ("sequence_norm", "final_norm")
        )
        self.attention = Attention(width, num_heads, dtype=policy, name="attention")

    def build(self, sequence_shape: Any) -> None:
        queries = (sequence_shape[0], self.num_queries, self.width)
        start = keras.initializers.RandomNormal(stddev=self.width**-0.5)
        self.queries = self.add_weight(name="queries", shape=queries[1:], initializer=start)
        self.sequence_norm.build(sequence_shape)
        self.attention.build(queries, sequence_shape)
        self.final_norm.build(queries)
        self.built = True

    def call(self, sequence: Any) -> Any:
        sequence = self.sequence_norm(sequence)
        queries = ops.broadcast_to(
            ops.cast(self.queries, sequence.dtype), (ops.shape(sequence)[0], self.num_queries, self.width)
        )
        return self.final_norm(self.attention(queries, sequence))

    def compute_output_shape(self, sequence_shape: Any) -> tuple[int | None, ...]:
        return (sequence_shape[0], self.num_queries, self.width)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "num_queries": self.num_queries,
            "width": self.width,
            "num_heads": self.num_heads,
            "epsilon": self.epsilon,
        }
