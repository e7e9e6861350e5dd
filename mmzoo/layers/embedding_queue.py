"""Embeddings of past batches."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("mmzoo")
class EmbeddingQueue(keras.layers.Layer):
    """The latest `size` pairs that a momentum model embedded, as further negatives (MoCo, arXiv:1911.05722, section 3.1).

    Newest first: image_embeds and text_embeds (size, embed_dim) float32, and text_hashes (size, 2) int32, by which a caption that comes
    again is known; is_filled() (size,) bool. Batches may have any size. Never trained, and saved with the model.
    Raises ValueError for sizes under 1.
    """

    def __init__(self, size: int, embed_dim: int, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if size < 1 or embed_dim < 1:
            raise ValueError(f"size and embed_dim must be at least 1, received {size} and {embed_dim}")
        self.size, self.embed_dim = size, embed_dim

    def build(self, input_shape: Any = None) -> None:
        def state(name: str, *shape: int, dtype: str) -> Any:
            return self.add_weight(
                name=name, shape=shape, dtype=dtype, initializer="zeros", trainable=False, autocast=False
            )

        self.image_embeds = state("image_embeds", self.size, self.embed_dim, dtype="float32")
        self.text_embeds = state("text_embeds", self.size, self.embed_dim, dtype="float32")
        self.text_hashes = state("text_hashes", self.size, 2, dtype="int32")
        self.filled = state("filled", dtype="int32")
        self.built = True

    def is_filled(self) -> Any:
        """Which places hold a pair: (size,) bool."""
        return ops.arange(self.size, dtype="int32") < self.filled

    def call(self, image_embeds: Any, text_embeds: Any, text_hashes: Any) -> None:
        """Puts a batch in front; as many of the oldest are forgotten."""
        for kept, new in (
            (self.image_embeds, image_embeds),
            (self.text_embeds, text_embeds),
            (self.text_hashes, text_hashes),
        ):
            joined = ops.concatenate([ops.cast(new, kept.dtype), ops.convert_to_tensor(kept)], axis=0)
            kept.assign(ops.reshape(joined[: self.size], kept.shape))
        self.filled.assign(ops.minimum(self.filled + ops.shape(image_embeds)[0], self.size))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"size": self.size, "embed_dim": self.embed_dim}
