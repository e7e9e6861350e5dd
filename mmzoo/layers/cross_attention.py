"""A transformer block that looks at a second sequence."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.layers.attention import Attention
from mmzoo.layers.transformer import MLP


@keras.saving.register_keras_serializable("mmzoo")
class CrossAttentionBlock(keras.layers.Layer):
    """Self-attention, attention to a context, and an MLP, each with a residual and a norm before it (arXiv:1706.03762, section 3.1;
    pre-norm as in arXiv:2002.04745): (B, T, width), (B, S, any) -> (B, T, width).

    call(x, context, attention_mask (B, T) bool, context_mask (B, S) bool, return_weights): with return_weights also the weights
    (B, heads, T, S) float32 of the attention to the context.
    step(x, cache, context_cache, position, context_mask, beams = 1) -> (x, cache): the same over a cache of x's own keys and values,
    as in Attention, and over context_cache = cross_attention.project(context), of which `beams` rows of x in a row share one.
    causal: position t of x sees positions <= t of x only. depth: number of blocks in the stack, for the start of the projections as
    in TransformerBlock.
    Raises ValueError where width is not a multiple of num_heads.
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        *,
        mlp_dim: int | None = None,
        activation: str = "gelu",
        causal: bool = False,
        dropout: float = 0.0,
        epsilon: float = 1e-5,
        depth: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.width, self.num_heads, self.mlp_dim = width, num_heads, 4 * width if mlp_dim is None else mlp_dim
        self.activation, self.causal, self.dropout = activation, causal, dropout
        self.epsilon, self.depth = epsilon, depth
        in_std = None if depth is None else width**-0.5
        out_std = None if depth is None else (3 * depth * width) ** -0.5
        hidden_std = None if depth is None else (2 * width) ** -0.5
        policy = self.dtype_policy

        def attention(name: str, causal: bool) -> Attention:
            return Attention(
                width,
                num_heads,
                causal=causal,
                dropout=dropout,
                in_std=in_std,
                out_std=out_std,
                dtype=policy,
                name=name,
            )

        def norm(name: str) -> keras.layers.LayerNormalization:
            return keras.layers.LayerNormalization(epsilon=epsilon, dtype=policy, name=name)

        self.self_attention, self.cross_attention = (
            attention("self_attention", causal),
            attention("cross_attention", False),
        )
        self.self_norm, self.cross_norm, self.mlp_norm = norm("self_norm"), norm("cross_norm"), norm("mlp_norm")
        self.mlp = MLP(
            width,
            self.mlp_dim,
            activation=activation,
            hidden_std=hidden_std,
            out_std=out_std,
            dtype=policy,
            name="mlp",
        )
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=policy)

    def build(self, x_shape: Any, context_shape: Any) -> None:
        for layer in (self.self_norm, self.self_attention, self.cross_norm, self.mlp_norm, self.mlp):
            layer.build(x_shape)
        self.cross_attention.build(x_shape, context_shape)
        self.built = True

    def call(
        self,
        x: Any,
        context: Any,
        attention_mask: Any = None,
        context_mask: Any = None,
        return_weights: bool = False,
        training: bool | None = None,
    ) -> Any:
        attended = self.self_attention(self.self_norm(x), attention_mask=attention_mask, training=training)
        x = x + self.dropout_layer(attended, training=training)
        attended, weights = self.cross_attention(
            self.cross_norm(x), context, attention_mask=context_mask, return_weights=True, training=training
        )
        x = x + self.dropout_layer(attended, training=training)
        x = x + self.dropout_layer(self.mlp(self.mlp_norm(x)), training=training)
        return (x, weights) if return_weights else x

    def step(
        self, x: Any, cache: Any, context_cache: Any, position: Any, context_mask: Any = None, beams: int = 1
    ) -> tuple[Any, Any]:
        attended, cache = self.self_attention(self.self_norm(x), cache=cache, position=position)
        x = x + attended
        # Attention to a context knows no order: rows that share one are queries of the same row.
        length = x.shape[1]
        query = ops.reshape(self.cross_norm(x), (-1, beams * length, self.width))
        attended, _ = self.cross_attention(query, cache=context_cache, attention_mask=context_mask)
        x = x + ops.reshape(attended, (-1, length, self.width))
        return x + self.mlp(self.mlp_norm(x)), cache

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "width": self.width,
            "num_heads": self.num_heads,
            "mlp_dim": self.mlp_dim,
            "activation": self.activation,
            "causal": self.causal,
            "dropout": self.dropout,
            "epsilon": self.epsilon,
            "depth": self.depth,
        }
