"""Multi-head attention as dense layers, reshapes and two matrix products."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

MASKED_SCORE = -1e9


@keras.saving.register_keras_serializable("mmzoo")
class Attention(keras.layers.Layer):
    """Multi-head scaled dot-product attention (arXiv:1706.03762, section 3.2): self, causal, cross, and over a cache.

    width: size of the queries and of the output, a multiple of num_heads. causal: position t sees positions <= t only.
    in_std, out_std: standard deviations that the input and output projections start with; None is Glorot's.

    call(query (B, T, width), context (B, S, any) = query, attention_mask (B, S) or (B, T, S) bool, True may be attended)
    -> (B, T, width). With `cache` it returns (output, cache), where a cache is keys and values, each (B, heads, L, width / heads), apart
    since every step would copy both out of one tensor:
    - `cache=layer.project(context)` and no position: cross-attention over keys and values computed once;
    - `cache` and `position` (scalar int, or (B,) for one query a row): the query's own keys and values are written at position ..
      position + T - 1, and each query sees the entries up to its own.
    With `return_weights` the last thing returned is the weights (B, heads, T, S) float32, each row a distribution over the context.

    Scores and their softmax are float32 under any dtype policy. A row whose mask is all False attends to everything evenly.
    Raises ValueError where width is not a multiple of num_heads: the heads could not share it evenly.
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        *,
        causal: bool = False,
        use_bias: bool = True,
        dropout: float = 0.0,
        in_std: float | None = None,
        out_std: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if width < 1 or num_heads < 1 or width % num_heads:
            raise ValueError(
                f"width must be a positive multiple of num_heads, received width={width}, num_heads={num_heads}"
            )
        self.width, self.num_heads, self.causal, self.use_bias = width, num_heads, causal, use_bias
        self.dropout, self.in_std, self.out_std = dropout, in_std, out_std
        self.head_dim = width // num_heads
        self.query_dense = self._dense("query", in_std)
        self.key_dense = self._dense("key", in_std)
        self.value_dense = self._dense("value", in_std)
        self.output_dense = self._dense("output", out_std)
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def _dense(self, name: str, std: float | None) -> keras.layers.Dense:
        initializer = "glorot_uniform" if std is None else keras.initializers.RandomNormal(stddev=std)
        return keras.layers.Dense(
            self.width, use_bias=self.use_bias, kernel_initializer=initializer, dtype=self.dtype_policy, name=name
        )

    def build(self, query_shape: Any, context_shape: Any = None) -> None:
        context_shape = context_shape or query_shape
        self.query_dense.build(query_shape)
        self.key_dense.build(context_shape)
        self.value_dense.build(context_shape)
        self.output_dense.build((*query_shape[:-1], self.width))
        self.built = True

    def _split_heads(self, x: Any) -> Any:
        x = ops.reshape(x, (-1, ops.shape(x)[1], self.num_heads, self.head_dim))
        return ops.transpose(x, (0, 2, 1, 3))

    def project(self, context: Any) -> tuple[Any, Any]:
        """Keys and values of `context` (B, S, C) as a cache: two of (B, heads, S, width / heads)."""
        return self._split_heads(self.key_dense(context)), self._split_heads(self.value_dense(context))

    def call(
        self,
        query: Any,
        context: Any = None,
        attention_mask: Any = None,
        cache: Any = None,
        position: Any = None,
        return_weights: bool = False,
        training: bool | None = None,
    ) -> Any:
        queries = self._split_heads(self.query_dense(query))
        if cache is None:
            keys, values = self.project(query if context is None else context)
        else:
            if position is not None:
                position = ops.convert_to_tensor(position, "int32")
                cache = tuple(_write(*both, position) for both in zip(cache, self.project(query), strict=True))
            keys, values = cache
        visible = self._visible(ops.shape(query)[1], ops.shape(keys)[2], attention_mask, position)
        weights = self._weigh(queries, keys, visible)
        output = self._mix(ops.cast(weights, values.dtype), values, training)
        returned = [output] + ([] if cache is None else [cache]) + ([weights] if return_weights else [])
        return returned[0] if len(returned) == 1 else tuple(returned)

    def _visible(self, length: Any, source_length: Any, attention_mask: Any, position: Any) -> Any:
        """True where a query may look, broadcastable to (B, heads, T, S), or None where everything is visible."""
        visible = None
        if self.causal or position is not None:
            first = ops.zeros((1, 1, 1), "int32") if position is None else ops.reshape(position, (-1, 1, 1))
            visible = (ops.arange(source_length) <= ops.arange(length)[:, None] + first)[:, None]
        if attention_mask is not None:
            mask = ops.cast(attention_mask, "bool")
            mask = mask[:, None, None, :] if len(mask.shape) == 2 else mask[:, None, :, :]
            visible = mask if visible is None else ops.logical_and(visible, mask)
        return visible

    def _weigh(self, queries: Any, keys: Any, visible: Any) -> Any:
        scores = ops.matmul(queries * self.head_dim**-0.5, ops.transpose(keys, (0, 1, 3, 2)))
        scores = ops.cast(scores, "float32")
        if visible is not None:
            scores = ops.where(visible, scores, MASKED_SCORE)
        return ops.softmax(scores, axis=-1)

    def _mix(self, weights: Any, values: Any, training: bool | None) -> Any:
        weights = self.dropout_layer(weights, training=training)
        mixed = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))
        return self.output_dense(ops.reshape(mixed, (-1, ops.shape(mixed)[1], self.width)))

    def compute_output_shape(self, query_shape: Any, context_shape: Any = None) -> tuple[int | None, ...]:
        return (*query_shape[:-1], self.width)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        # How many things are returned depends on the arguments, which compute_output_shape is not told.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "width": self.width,
            "num_heads": self.num_heads,
            "causal": self.causal,
            "use_bias": self.use_bias,
            "dropout": self.dropout,
            "in_std": self.in_std,
            "out_std": self.out_std,
        }


def _write(cache: Any, new: Any, position: Any) -> Any:
    """Keys or values (B, heads, L, D) with new (B, heads, T, D) at position .. position + T - 1.

    Chosen place by place: a slice that is updated at a place known only at run time has no form in ONNX.
    """
    length = new.shape[2]
    places = ops.arange(cache.shape[2]) - ops.reshape(position, (-1, 1))
    if length != 1:
        if len(ops.shape(position)):
            raise ValueError(f"position must be one number for {length} queries at once, received one for each row")
        new = ops.take(new, ops.clip(places[0], 0, length - 1), axis=2)
    written = ops.logical_and(places >= 0, places < length)
    return ops.where(written[:, None, :, None], ops.cast(new, cache.dtype), cache)
