"""Fusion by one transformer over both sequences, one after the other."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusion.tokens import ModalityTokens, check_sizes
from mmzoo.fusion.vectors import refuse_attention
from mmzoo.layers import TransformerBlock


@keras.saving.register_keras_serializable("mmzoo")
class EarlyConcatFusion(keras.layers.Layer):
    """Both sequences end to end through one transformer (early fusion; "merged attention" in METER, arXiv:2111.02387, section 3.1).

    num_heads, depth: of the transformer; mlp_dim: default 4 width. The fused vector is the text's first token, its pooled vector.
    Arguments and what comes out: see mmzoo.fusion.
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
        self.blocks = [
            TransformerBlock(
                width, num_heads, mlp_dim=mlp_dim, dropout=dropout, depth=depth, dtype=policy, name=f"block_{index}"
            )
            for index in range(depth)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy, name="final_norm")

    def build(self, image_shape: Any, text_shape: Any) -> None:
        self.image_tokens.build(image_shape)
        self.text_tokens.build(text_shape)
        for block in self.blocks:
            block.build((None, None, self.width))
        self.norm.build((None, None, self.width))
        self.built = True

    def call(self, image: Any, text: Any, return_attention: bool = False, training: bool | None = None) -> Any:
        refuse_attention("early_concat", return_attention)
        words, word_mask = self.text_tokens(text)
        regions, region_mask = self.image_tokens(image)
        x, mask = ops.concatenate([words, regions], axis=1), ops.concatenate([word_mask, region_mask], axis=1)
        for block in self.blocks:
            x = block(x, attention_mask=mask, training=training)
        x = self.norm(x[:, : ops.shape(words)[1]])
        return {"sequence": x[:, 1:], "pooled": x[:, 0], "mask": word_mask[:, 1:]}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "width": self.width,
            "num_heads": self.num_heads,
            "depth": self.depth,
            "mlp_dim": self.mlp_dim,
            "dropout": self.dropout,
        }
