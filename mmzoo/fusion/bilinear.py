"""Fusion by products of the two."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusion.vectors import check_width, fuse_vectors, refuse_attention, text_size


@keras.saving.register_keras_serializable("mmzoo")
class BilinearFusion(keras.layers.Layer):
    """P (tanh(U image) * tanh(V text)) + b: a bilinear form of low rank, tanh before the product (MLB, arXiv:1610.04325, section 3.2).

    U and V with a bias each. rank: how many products there are; default width. Arguments and what comes out: see mmzoo.fusion.
    Raises ValueError for a rank under 1.
    """

    def __init__(self, width: int, *, rank: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = check_width(width)
        self.rank = width if rank is None else rank
        if self.rank < 1:
            raise ValueError(f"rank must be at least 1, received {rank}")
        policy = self.dtype_policy
        self.image_dense = keras.layers.Dense(self.rank, activation="tanh", dtype=policy, name="image")
        self.text_dense = keras.layers.Dense(self.rank, activation="tanh", dtype=policy, name="text")
        self.output_dense = keras.layers.Dense(width, dtype=policy, name="output")

    def build(self, image_shape: Any, text_shape: Any) -> None:
        self.image_dense.build((None, image_shape["pooled"][-1]))
        self.text_dense.build((None, text_size(text_shape)))
        self.output_dense.build((None, self.rank))
        self.built = True

    def call(self, image: Any, text: Any, return_attention: bool = False, training: bool | None = None) -> Any:
        refuse_attention("bilinear", return_attention)
        return fuse_vectors(self._fuse, image, text)

    def _fuse(self, picture: Any, text: Any) -> Any:
        return self.output_dense(ops.multiply(self.image_dense(picture), self.text_dense(text)))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"width": self.width, "rank": self.rank}
