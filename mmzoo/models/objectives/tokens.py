"""From a vector to the token that was hidden there."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.layers import gelu


@keras.saving.register_keras_serializable("mmzoo")
class TokenHead(keras.layers.Layer):
    """BERT's head for hidden tokens (arXiv:1810.04805, released code): dense, GELU, norm, and a product with each token's vector.

    width: of the tokens' vectors. tied: the vectors are the text encoder's own table, given to call (arXiv:1608.05859); else the head
    has a table of its own.
    call(x (..., D), table (vocab_size, width) where tied) -> logits (..., vocab_size) float32.
    Raises ValueError for sizes under 1.
    """

    def __init__(self, width: int, vocab_size: int, *, tied: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if width < 1 or vocab_size < 1:
            raise ValueError(f"width and vocab_size must be at least 1, received {width} and {vocab_size}")
        self.width, self.vocab_size, self.tied = width, vocab_size, tied
        self.dense = keras.layers.Dense(width, activation=gelu, dtype=self.dtype_policy, name="dense")
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name="norm")

    def build(self, x_shape: Any, table_shape: Any = None) -> None:
        self.dense.build((None, x_shape[-1]))
        self.norm.build((None, self.width))
        self.bias = self.add_weight(name="bias", shape=(self.vocab_size,), initializer="zeros")
        self.table = None
        if not self.tied:
            start = keras.initializers.RandomNormal(stddev=0.02)
            self.table = self.add_weight(name="table", shape=(self.vocab_size, self.width), initializer=start)
        self.built = True

    def call(self, x: Any, table: Any = None) -> Any:
        x = self.norm(self.dense(x))
        table = ops.cast(table if self.table is None else self.table, x.dtype)
        return ops.cast(ops.matmul(x, ops.transpose(table)), "float32") + ops.cast(self.bias, "float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"width": self.width, "vocab_size": self.vocab_size, "tied": self.tied}
