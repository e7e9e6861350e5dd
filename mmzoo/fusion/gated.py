"""Fusion with a learned gate between the two."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusion.vectors import check_width, fuse_vectors, refuse_attention, text_size


@keras.saving.register_keras_serializable("mmzoo")
class GatedFusion(keras.layers.Layer):
    """a * x + (1 - a) * y, the gated multimodal unit (arXiv:1702.01992, section 3.1).

    x = tanh(U image), y = tanh(V text), a = sigmoid(W [image; text]), each of `width` numbers and with a bias: every number of the
    result has a gate of its own, between 0 (the text's) and 1 (the picture's). Arguments and what comes out: see mmzoo.fusion.
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = check_width(width)
        policy = self.dtype_policy
        self.image_dense = keras.layers.Dense(width, dtype=policy, name="image")
        self.text_dense = keras.layers.Dense(width, dtype=policy, name="text")
        # W [image; text] as the sum of two products, so that the picture's part is computed once for all positions.
        self.image_gate = keras.layers.Dense(width, use_bias=False, dtype=policy, name="image_gate")
        self.text_gate = keras.layers.Dense(width, dtype=policy, name="text_gate")

    def build(self, image_shape: Any, text_shape: Any) -> None:
        picture, words = (None, image_shape["pooled"][-1]), (None, text_size(text_shape))
        for layer, shape in (
            (self.image_dense, picture),
            (self.text_dense, words),
            (self.image_gate, picture),
            (self.text_gate, words),
        ):
            layer.build(shape)
        self.built = True

    def call(self, image: Any, text: Any, return_attention: bool = False, training: bool | None = None) -> Any:
        refuse_attention("gated", return_attention)
        return fuse_vectors(self._fuse, image, text)

    def _fuse(self, picture: Any, text: Any) -> Any:
        gate = ops.sigmoid(self.image_gate(picture) + self.text_gate(text))
        return gate * ops.tanh(self.image_dense(picture)) + (1 - gate) * ops.tanh(self.text_dense(text))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"width": self.width}
