"""The transformer block and its MLP."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.layers.activations import get_activation
from mmzoo.layers.attention import Attention


@keras.saving.register_keras_serializable("mmzoo")
class MLP(keras.layers.Layer):
    """Two dense layers with an activation between them (arXiv:1706.03762, section 3.3): (..., width) -> (..., width).

    activation: "gelu", "gelu_tanh" or "quick_gelu". hidden_std, out_std: standard deviations to start with; None is Glorot's.
    Raises ValueError for sizes under 1 or an unknown activation.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        *,
        activation: str = "gelu",
        hidden_std: float | None = None,
        out_std: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if width < 1 or hidden < 1:
            raise ValueError(f"width and hidden must be at least 1, received width={width}, hidden={hidden}")
        self.width, self.hidden, self.activation = width, hidden, activation
        self.hidden_std, self.out_std = hidden_std, out_std
        self.hidden_dense = keras.layers.Dense(
            hidden,
            activation=get_activation(activation),
            kernel_initializer=_normal(hidden_std),
            dtype=self.dtype_policy,
            name="hidden",
        )
        self.output_dense = keras.layers.Dense(
            width, kernel_initializer=_normal(out_std), dtype=self.dtype_policy, name="output"
        )

    def build(self, input_shape: Any) -> None:
        self.hidden_dense.build(input_shape)
        self.output_dense.build((*input_shape[:-1], self.hidden))
        self.built = True

    def call(self, x: Any) -> Any:
        return self.output_dense(self.hidden_dense(x))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.width)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "width": self.width,
            "hidden": self.hidden,
            "activation": self.activation,
            "hidden_std": self.hidden_std,
            "out_std": self.out_std,
        }


@keras.saving.register_keras_serializable("mmzoo")
class TransformerBlock(keras.layers.Layer):
    """Self-attention and an MLP, each with a residual (arXiv:1706.03762, section 3.1): (B, T, width) -> (B, T, width).

    norm: "pre" normalises what enters each part (ViT, CLIP, GPT-2), "post" what leaves each sum (the original, BERT).
    depth: number of blocks in the stack; with it the projections start as CLIP's do (arXiv:2103.00020, released code:
    inputs at width^-0.5, outputs at width^-0.5 (2 depth)^-0.5), without it as Glorot's.
    call(x, attention_mask (B, T) bool, cache, position) as in Attention; with a cache it returns (output, cache).
    Raises ValueError for an unknown norm: the two give different functions from the same weights.
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        *,
        mlp_dim: int | None = None,
        activation: str = "gelu",
        norm: str = "pre",
        causal: bool = False,
        dropout: float = 0.0,
        epsilon: float = 1e-5,
        depth: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if norm not in ("pre", "post"):
            raise ValueError(f"norm must be 'pre' or 'post', received {norm!r}")
        self.width, self.num_heads, self.mlp_dim = width, num_heads, 4 * width if mlp_dim is None else mlp_dim
        self.activation, self.norm, self.causal = activation, norm, causal
        self.dropout, self.epsilon, self.depth = dropout, epsilon, depth
        in_std = None if depth is None else width**-0.5
        out_std = None if depth is None else (2 * depth * width) ** -0.5
        hidden_std = None if depth is None else (2 * width) ** -0.5
        policy = self.dtype_policy
        self.attention_norm = keras.layers.LayerNormalization(epsilon=epsilon, dtype=policy, name="attention_norm")
        self.attention = Attention(
            width,
            num_heads,
            causal=causal,
            dropout=dropout,
            in_std=in_std,
            out_std=out_std,
            dtype=policy,
            name="attention",
        )
        self.mlp_norm = keras.layers.LayerNormalization(epsilon=epsilon, dtype=policy, name="mlp_norm")
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

    def build(self, x_shape: Any) -> None:
        for layer in (self.attention_norm, self.attention, self.mlp_norm, self.mlp):
            layer.build(x_shape)
        self.built = True

    def call(
        self,
        x: Any,
        attention_mask: Any = None,
        cache: Any = None,
        position: Any = None,
        training: bool | None = None,
    ) -> Any:
        attended = self.attention(
            self.attention_norm(x) if self.norm == "pre" else x,
            attention_mask=attention_mask,
            cache=cache,
            position=position,
            training=training,
        )
        if cache is not None:
            attended, cache = attended
        x = x + self.dropout_layer(attended, training=training)
        if self.norm == "pre":
            x = x + self.dropout_layer(self.mlp(self.mlp_norm(x)), training=training)
        else:
            x = self.attention_norm(x)
            x = self.mlp_norm(x + self.dropout_layer(self.mlp(x), training=training))
        return x if cache is None else (x, cache)

    def compute_output_shape(self, x_shape: Any) -> tuple[int | None, ...]:
        return tuple(x_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "width": self.width,
            "num_heads": self.num_heads,
            "mlp_dim": self.mlp_dim,
            "activation": self.activation,
            "norm": self.norm,
            "causal": self.causal,
            "dropout": self.dropout,
            "epsilon": self.epsilon,
            "depth": self.depth,
        }


def _normal(std: float | None) -> Any:
    return "glorot_uniform" if std is None else keras.initializers.RandomNormal(stddev=std)
