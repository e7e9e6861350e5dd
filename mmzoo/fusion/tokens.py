"""A modality as the fusions that attend read it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def check_sizes(width: int, num_heads: int, depth: int) -> None:
    """Raises ValueError for a transformer without blocks, or of a width that its heads cannot share."""
    if width < 1 or num_heads < 1 or width % num_heads:
        raise ValueError(
            f"width must be a positive multiple of num_heads, received width={width}, num_heads={num_heads}"
        )
    if depth < 1:
        raise ValueError(f"depth must be at least 1, received {depth}")


@keras.saving.register_keras_serializable("mmzoo")
class ModalityTokens(keras.layers.Layer):
    """An encoder's output as one sequence of `width` numbers a position, its pooled vector first, like a class token.

    call({"sequence" (B, N, Ds), "pooled" (B, Dp)[, "mask" (B, N) bool]}) -> tokens (B, 1 + N, width), mask (B, 1 + N) bool, its first
    position True. Both are projected and normalised. positions: adds a learned vector to each place; features of convolutions have
    none of their own. Which of the two modalities a token is of, its projection tells.
    """

    def __init__(self, width: int, *, positions: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.positions = width, positions
        policy = self.dtype_policy
        self.sequence_dense = keras.layers.Dense(width, dtype=policy, name="sequence")
        self.pooled_dense = keras.layers.Dense(width, dtype=policy, name="pooled")
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy, name="norm")

    def build(self, encoded_shape: Any) -> None:
        length, size = encoded_shape["sequence"][1:]
        if self.positions and length is None:
            raise ValueError("sequence must have a fixed length to learn positions, received one of any length")
        self.sequence_dense.build((None, None, size))
        self.pooled_dense.build((None, encoded_shape["pooled"][-1]))
        self.norm.build((None, None, self.width))
        if self.positions:
            small = keras.initializers.RandomNormal(stddev=0.02)
            self.position_vectors = self.add_weight(name="positions", shape=(length + 1, self.width), initializer=small)
        self.built = True

    def call(self, encoded: Any) -> Any:
        first = self.pooled_dense(encoded["pooled"])[:, None, :]
        tokens = self.norm(ops.concatenate([first, self.sequence_dense(encoded["sequence"])], axis=1))
        if self.positions:
            tokens = tokens + ops.cast(self.position_vectors, tokens.dtype)
        mask = encoded.get("mask")
        mask = ops.ones_like(tokens[:, 1:, 0], dtype="bool") if mask is None else ops.cast(mask, "bool")
        seen = ops.ones_like(tokens[:, :1, 0], dtype="bool")
        return tokens, ops.concatenate([seen, mask], axis=1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"width": self.width, "positions": self.positions}


def region_attention(weights: list[Any]) -> dict[str, Any]:
    """Attention (B, heads, 1 + T, 1 + N) of each block -> "attention" (B, heads, T, N) and, of the asking side's pooled place,
    "pooled_attention" (B, heads, N): the mean over the blocks, without what was paid to the other side's pooled place.

    Not the last block's alone: what its words see, a classifier never reads.
    """
    mean = ops.mean(ops.stack(weights), axis=0)[:, :, :, 1:]
    return {"attention": mean[:, :, 1:], "pooled_attention": mean[:, :, 0]}
