"""Token vectors in, logits out, with one table."""

from __future__ import annotations

from typing import Any

import keras


def word_embedding(vocab_size: int, width: int, dtype: Any) -> keras.layers.ReversibleEmbedding:
    """The token vectors, which are the output's weights too (arXiv:1608.05859): ids -> (..., width); reverse=True: -> logits float32."""
    return keras.layers.ReversibleEmbedding(
        vocab_size,
        width,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=0.02),
        reverse_dtype="float32",
        dtype=dtype,
        name="token_embedding",
    )
