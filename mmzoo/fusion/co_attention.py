"""Fusion by two transformers that look at each other in every block."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusion.blocks import cross_blocks
from mmzoo.fusion.tokens import ModalityTokens, check_sizes, region_attention


@keras.saving.register_keras_serializable("mmzoo")
class CoAttentionFusion(keras.layers.Layer):
    """Two transformers side by side, one over the words and one over the regions, each block of either attending to itself and to
    what the other was before this block (ViLBERT, arXiv:1908.02265, section 2.2; METER, arXiv:2111.02387, section 3.1).

    num_heads, depth: of both; mlp_dim: default 4 width. The fused vector is made of both pooled tokens. "attention" is
    the words'. Arguments and what comes out: see mmzoo.fusion.
    """

    def __init__(
        self,
        width: int,
        *,
        num_heads: int = 4,
        depth: int = 2,
        mlp_dim: int | None = None,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_sizes(width, num_heads, depth)
        self.width, self.num_heads, self.depth = width, num_heads, depth
        self.mlp_dim, self.dropout = mlp_dim, dropout
        policy = self.dtype_policy
        self.image_tokens = ModalityTokens(width, positions=True, dtype=policy, name="image_tokens")
        self.text_tokens = ModalityTokens(width, dtype=policy, name="text_tokens")
        sizes = (width, num_heads, depth, mlp_dim, dropout, policy)
        self.text_blocks, self.image_blocks = cross_blocks("text", *sizes), cross_blocks("image", *sizes)
        self.text_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy, name="text_final_norm")
        self.image_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy, name="image_final_norm")
        self.both_dense = keras.layers.Dense(width, dtype=policy, name="both")

    def build(self, image_shape: Any, text_shape: Any) -> None:
        self.image_tokens.build(image_shape)
        self.text_tokens.build(text_shape)
        tokens = (None, None, self.width)
        for block in (*self.text_blocks, *self.image_blocks):
            block.build(tokens, tokens)
        self.text_norm.build(tokens)
        self.image_norm.build(tokens)
        self.both_dense.build((None, 2 * self.width))
        self.built = True

    def call(self, image: Any, text: Any, return_attention: bool = False, training: bool | None = None) -> Any:
        (words, word_mask), (regions, region_mask) = self.text_tokens(text), self.image_tokens(image)
        weights = []
        for text_block, image_block in zip(self.text_blocks, self.image_blocks, strict=True):
            looked, attention = text_block(
                words,
                regions,
                attention_mask=word_mask,
                context_mask=region_mask,
                return_weights=True,
                training=training,
            )
            regions = image_block(regions, words, attention_mask=region_mask, context_mask=word_mask, training=training)
            words = looked
            weights.append(attention)
        words, region = self.text_norm(words), self.image_norm(regions[:, :1])
        pooled = self.both_dense(ops.concatenate([words[:, 0], region[:, 0]], axis=-1))
        fused = {"sequence": words[:, 1:], "pooled": pooled, "mask": word_mask[:, 1:]}
        return fused | (region_attention(weights) if return_attention else {})

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "width": self.width,
            "num_heads": self.num_heads,
            "depth": self.depth,
            "mlp_dim": self.mlp_dim,
            "dropout": self.dropout,
        }
