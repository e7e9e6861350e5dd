"""Fusion by concatenation of the two vectors."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusion.vectors import check_width, fuse_vectors, refuse_attention, text_size
from mmzoo.layers import gelu


@keras.saving.register_keras_serializable("mmzoo")
class ConcatFusion(keras.layers.Layer):
    """gelu(W [image; text] + b): both vectors side by side, then one dense layer (middle fusion; arXiv:1705.09406, section 6.1).

    Without the activation it would be the sum of two projections, which is AddFusion.

    Arguments and what comes out: see mmzoo.fusion.
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = check_width(width)
        self.dense = keras.layers.Dense(width, activation=gelu, dtype=self.dtype_policy, name="dense")

    def build(self, image_shape: Any, text_shape: Any) -> None:
        self.dense.build((None, image_shape["pooled"][-1] + text_size(text_shape)))
        self.built = True

    def call(self, image: Any, text: Any, return_attention: bool = False, training: bool | None = None) -> Any:
        refuse_attention("concat", return_attention)
        return fuse_vectors(self._fuse, image, text)

    def _fuse(self, picture: Any, text: Any) -> Any:
        if len(text.shape) == 3:
            picture = ops.zeros_like(text[:, :, :1]) + picture
        return self.dense(ops.concatenate([picture, text], axis=-1))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"width": self.width}
