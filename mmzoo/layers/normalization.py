"""Pictures from [0, 255] to the range a network was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("mmzoo")
class ImageNormalization(keras.layers.Layer):
    """(x / 255 - mean) / std per channel, in float32 under any dtype policy: (B, H, W, C) in [0, 255] -> the same shape.

    As a model's first layer it makes mean and std impossible to forget. order: "rgb", or "bgr" for networks that were trained on
    pictures with the channels the other way round; mean and std are in the pictures' order, red first.
    Raises ValueError where mean and std differ in length, a std is not positive, or for an unknown order.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], *, order: str = "rgb", **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if order not in ("rgb", "bgr"):
            raise ValueError(f"order must be 'rgb' or 'bgr', received {order!r}")
        self.mean, self.std, self.order = tuple(map(float, mean)), tuple(map(float, std)), order
        if len(self.mean) != len(self.std) or not self.mean or min(self.std) <= 0:
            raise ValueError(
                f"mean and std must have one value a channel, std above 0, received mean={mean}, std={std}"
            )

    def call(self, images: Any) -> Any:
        scale = [1.0 / (255.0 * std) for std in self.std]
        shift = [-mean / std for mean, std in zip(self.mean, self.std, strict=True)]
        images = ops.cast(images, "float32")
        pixels = images * ops.convert_to_tensor(scale, "float32") + ops.convert_to_tensor(shift, "float32")
        return ops.flip(pixels, axis=-1) if self.order == "bgr" else pixels

    def compute_output_shape(self, images_shape: Any) -> tuple[int | None, ...]:
        return tuple(images_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"mean": self.mean, "std": self.std, "order": self.order}
