"""Changes of pictures that gradients go through, so that a discriminator may see few pictures in many ways."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("mmzoo")
class DifferentiableAugmentation(keras.layers.Layer):
    """The same kinds of change for real and for generated pictures (arXiv:2006.10738): images (B, H, W, 3) in [0, 255] -> the same.

    Each must leave the caption true, or the generator learns the change. flip: half of the pictures are mirrored, where no side is
    spoken of; translation: moved by up to this share of each side, a pixel at least, where no place is, the edge repeated; cutout: a
    square of this share of the side made grey, where no object could vanish; brightness: changed by up to this share of 255, where no
    colour is spoken of.
    call(images, draws), draws = draw(B): what is drawn, apart, so that a gradient can be taken through the rest. seed: of the draws.
    Raises ValueError for shares outside [0, 1).
    """

    def __init__(
        self,
        *,
        flip: bool = False,
        translation: float = 0.0,
        cutout: float = 0.0,
        brightness: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        for name, value in (("translation", translation), ("cutout", cutout), ("brightness", brightness)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, received {value}")
        self.flip, self.translation, self.cutout, self.brightness = flip, translation, cutout, brightness
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True  # nothing to make, and a model's first step may come before its first call

    def draw(self, batch: Any) -> Any:
        """(B, 6) float32, even in [0, 1): what one call needs."""
        return keras.random.uniform((batch, 6), seed=self.seed_generator)

    def call(self, images: Any, draws: Any) -> Any:
        height, width = images.shape[1:3]
        if self.flip:
            images = ops.where(draws[:, 0, None, None, None] < 0.5, images[:, :, ::-1], images)
        if self.translation:
            images = _moved(images, draws[:, 1], self.translation, axis=1)
            images = _moved(images, draws[:, 2], self.translation, axis=2)
        if self.cutout:
            down = _inside(draws[:, 3], height, self.cutout)[:, :, None]
            across = _inside(draws[:, 4], width, self.cutout)[:, None, :]
            images = ops.where(ops.logical_and(down, across)[..., None], 127.5, images)
        if self.brightness:
            images = images + 255.0 * self.brightness * (2.0 * draws[:, 5, None, None, None] - 1.0)
        return images

    def compute_output_shape(self, images_shape: Any, draws_shape: Any) -> Any:
        return images_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "flip": self.flip,
            "translation": self.translation,
            "cutout": self.cutout,
            "brightness": self.brightness,
            "seed": self.seed,
        }


def _moved(images: Any, draws: Any, share: float, axis: int) -> Any:
    """Each picture moved by a whole number of pixels along an axis; a product with a matrix of zeros and ones, which has a gradient."""
    side = images.shape[axis]
    most = max(1, int(side * share))
    shift = ops.floor(draws * (2 * most + 1)) - most
    source = ops.clip(ops.arange(side, dtype="float32")[None] + shift[:, None], 0.0, side - 1.0)
    moves = ops.cast(ops.equal(source[:, :, None], ops.arange(side, dtype="float32")), images.dtype)
    return ops.einsum("bij,bjwc->biwc" if axis == 1 else "bij,bhjc->bhic", moves, images)


def _inside(draws: Any, side: int, share: float) -> Any:
    """(B, side) bool: the pixels of an interval of this share, wherever it fits."""
    length = int(side * share)
    start = ops.floor(draws * (side - length + 1))[:, None]
    places = ops.arange(side, dtype="float32")[None]
    return ops.logical_and(places >= start, places < start + length)
