"""Fusion by attention of one modality to the other."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusion.blocks import cross_blocks
from mmzoo.fusion.tokens import ModalityTokens, check_sizes, region_attention
from mmzoo.layers import CrossAttentionBlock

DIRECTIONS = ("text", "image", "both")


@keras.saving.register_keras_serializable("mmzoo")
class CrossAttentionFusion(keras.layers.Layer):
    """One modality asks and the other answers (the multimodal encoder of ALBEF, arXiv:2107.07651, section 3.1).

    direction: who asks. "text": the words look at the picture; "image": its regions look at the words, and "sequence" (B, N, width)
    and "mask" are the picture's; "both": each looks at what the other's encoder gave, and the fused vector is made of both.
    num_heads, depth: of the stack of blocks (self-attention, attention to the other, MLP); mlp_dim: default 4 width.
    Of direction "image", "attention" is the regions' over the words, (B, heads, N, T).
    Arguments and what comes out: see mmzoo.fusion. Raises ValueError for an unknown direction.
    """

    def __init__(
        self,
        width: int,
        *,
        direction: str = "text",
        num_heads: int = 4,
        depth: int = 2,
        mlp_dim: int | None = None,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if direction not in DIRECTIONS:
            raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, received {direction!r}")
        check_sizes(width, num_heads, depth)
        self.width, self.direction, self.num_heads, self.depth = width, direction, num_heads, depth
        self.mlp_dim, self.dropout = mlp_dim, dropout
        policy = self.dtype_policy
        self.image_tokens = ModalityTokens(width, positions=True, dtype=policy, name="image_tokens")
        self.text_tokens = ModalityTokens(width, dtype=policy, name="text_tokens")
        sizes = (width, num_heads, depth, mlp_dim, dropout, policy)
        self.text_blocks = cross_blocks("text", *sizes) if direction != "image" else []
        self.image_blocks = cross_blocks("image", *sizes) if direction != "text" else []
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy, name="final_norm")
        self.image_norm: Any = None
        self.both_dense: Any = None
        if direction == "both":
            self.image_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy, name="image_final_norm")
            self.both_dense = keras.layers.Dense(width, dtype=policy, name="both")

    def build(self, image_shape: Any, text_shape: Any) -> None:
        self.image_tokens.build(image_shape)
        self.text_tokens.build(text_shape)
        tokens = (None, None, self.width)
        for block in (*self.text_blocks, *self.image_blocks):
            block.build(tokens, tokens)
        self.norm.build(tokens)
        if self.both_dense is not None:
            self.image_norm.build(tokens)
            self.both_dense.build((None, 2 * self.width))
        self.built = True

    def call(self, image: Any, text: Any, return_attention: bool = False, training: bool | None = None) -> Any:
        words, regions = self.text_tokens(text), self.image_tokens(image)
        asking, answering = (regions, words) if self.direction == "image" else (words, regions)
        x, weights = _look(
            self.image_blocks if self.direction == "image" else self.text_blocks, asking, answering, training
        )
        x = self.norm(x)
        fused = {"sequence": x[:, 1:], "pooled": x[:, 0], "mask": asking[1][:, 1:]}
        if self.both_dense is not None:
            seen, _ = _look(self.image_blocks, regions, words, training)
            fused["pooled"] = self.both_dense(ops.concatenate([x[:, 0], self.image_norm(seen[:, :1])[:, 0]], axis=-1))
        return fused | (region_attention(weights) if return_attention else {})

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "width": self.width,
            "direction": self.direction,
            "num_heads": self.num_heads,
            "depth": self.depth,
            "mlp_dim": self.mlp_dim,
            "dropout": self.dropout,
        }


def _look(blocks: list[CrossAttentionBlock], asking: Any, answering: Any, training: bool | None) -> Any:
    """(tokens after the blocks, attention of each block); each argument is (tokens, mask)."""
    (x, mask), (context, context_mask) = asking, answering
    weights = []
    for block in blocks:
        x, looked = block(
            x, context, attention_mask=mask, context_mask=context_mask, return_weights=True, training=training
        )
        weights.append(looked)
    return x, weights
