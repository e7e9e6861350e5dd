"""Late fusion: nothing is shared before the answers."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusion.vectors import check_width, refuse_attention, text_size


@keras.saving.register_keras_serializable("mmzoo")
class LateFusion(keras.layers.Layer):
    """Keeps the two apart: a head answers from each alone and mixes the two answers (arXiv:1705.09406, section 6.1).

    "pooled" is (B, 2, width), the text's vector and the picture's, each projected; "sequence" holds the text's positions alone.
    No answer can depend on how the two go together: what this one reaches tells how much of a task needs fusion at all.
    Arguments and what comes out otherwise: see mmzoo.fusion.
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = check_width(width)
        self.image_dense = keras.layers.Dense(width, dtype=self.dtype_policy, name="image")
        self.text_dense = keras.layers.Dense(width, dtype=self.dtype_policy, name="text")

    def build(self, image_shape: Any, text_shape: Any) -> None:
        self.image_dense.build((None, image_shape["pooled"][-1]))
        self.text_dense.build((None, text_size(text_shape)))
        self.built = True

    def call(self, image: Any, text: Any, return_attention: bool = False, training: bool | None = None) -> Any:
        refuse_attention("late", return_attention)
        pooled = ops.stack([self.text_dense(text["pooled"]), self.image_dense(image["pooled"])], axis=1)
        sequence = self.text_dense(text["sequence"])
        return {"sequence": sequence, "pooled": pooled, "mask": ops.cast(text["mask"], "bool")}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"width": self.width}
