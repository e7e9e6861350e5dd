"""Fusion by addition."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.fusion.vectors import check_width, fuse_vectors, refuse_attention, text_size


@keras.saving.register_keras_serializable("mmzoo")
class AddFusion(keras.layers.Layer):
    """U image + V text + b: both projected to one size and added (compared with others in arXiv:1606.01847, table 1).

    Arguments and what comes out: see mmzoo.fusion.
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = check_width(width)
        self.image_dense = keras.layers.Dense(width, use_bias=False, dtype=self.dtype_policy, name="image")
        self.text_dense = keras.layers.Dense(width, dtype=self.dtype_policy, name="text")

    def build(self, image_shape: Any, text_shape: Any) -> None:
        self.image_dense.build((None, image_shape["pooled"][-1]))
        self.text_dense.build((None, text_size(text_shape)))
        self.built = True

    def call(self, image: Any, text: Any, return_attention: bool = False, training: bool | None = None) -> Any:
        refuse_attention("add", return_attention)
        return fuse_vectors(lambda x, y: self.image_dense(x) + self.text_dense(y), image, text)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"width": self.width}
