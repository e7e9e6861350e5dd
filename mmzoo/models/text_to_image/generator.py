"""What draws: from noise and a text to a picture, in one stage."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.layers import ConditionalAffine, WordAttention

START = 4
"""Side of the first map, in pixels."""
MOST = 16
"""Channels of the first maps, as a multiple of the last one's."""


def build_generator(
    *,
    image_size: int = 32,
    noise_dim: int = 32,
    text_dim: int = 64,
    width: int = 16,
    words: tuple[int, int] | None = None,
    name: str = "generator",
) -> keras.Model:
    """Upsampling residual blocks, each steered by [noise, text] (DF-GAN, arXiv:2008.05865, sections 3.2 and 3.4).

    Inputs:  noise (B, noise_dim), normal; text (B, text_dim) of mean square 1; with words=(T, D) also the words' vectors (B, T, D)
             and their mask (B, T) bool, to which the maps of at most 16 x 16 attend (AttnGAN, arXiv:1711.10485, section 3.1).
    Output:  images (B, image_size, image_size, 3) float32 in [0, 255].
    width: channels of the last map; each block before has twice as many, at most 16 * width. The convolutions stand before the
    upsampling, at a quarter of the cost.
    """
    inputs = {
        "noise": keras.Input((noise_dim,), name="noise"),
        "text": keras.Input((text_dim,), name="text"),
    }
    if words is not None:
        inputs["words"] = keras.Input(words, name="words")
        inputs["mask"] = keras.Input(words[:1], dtype="bool", name="mask")
    condition = keras.layers.Concatenate(name="condition")([inputs["noise"], inputs["text"]])
    condition = keras.layers.Dense(4 * width, name="condition_dense")(condition)
    first, *sizes = channels_of(image_size, width)
    x = keras.layers.Dense(START * START * first, name="start_dense")(inputs["noise"])
    x = keras.layers.Reshape((START, START, first), name="start")(x)
    for index, channels in enumerate(sizes):
        x = _block(x, condition, channels, f"block_{index}")
        if words is not None and x.shape[1] <= 16:
            x = WordAttention(name=f"block_{index}_words")(x, inputs["words"], inputs["mask"])
    x = keras.layers.LeakyReLU(0.2, name="last_activation")(x)
    x = keras.layers.Conv2D(3, 3, padding="same", name="to_rgb")(x)
    x = keras.layers.Activation("tanh", dtype="float32", name="colours")(x)
    return keras.Model(inputs, {"images": 127.5 * x + 127.5}, name=name)


def channels_of(image_size: int, width: int) -> list[int]:
    """Channels of the maps, from START x START to image_size x image_size."""
    count = (image_size // START).bit_length() - 1
    return [width * min(2**left, MOST) for left in range(count, -1, -1)]


def _block(x: Any, condition: Any, channels: int, name: str) -> Any:
    shortcut = keras.layers.Conv2D(channels, 1, name=f"{name}_shortcut")(x)
    x = _steered(x, condition, f"{name}_in")
    x = keras.layers.Conv2D(channels, 3, padding="same", name=f"{name}_in_conv")(x)
    # Both are enlarged at once: their sum would be steered together.
    x = keras.layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_larger")(x)
    shortcut = keras.layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_shortcut_larger")(shortcut)
    x = _steered(x, condition, f"{name}_out")
    x = keras.layers.Conv2D(channels, 3, padding="same", name=f"{name}_out_conv")(x)
    return keras.layers.Add(name=f"{name}_add")([x, shortcut])


def _steered(x: Any, condition: Any, name: str) -> Any:
    x = ConditionalAffine(name=f"{name}_affine")(x, condition)
    return keras.layers.LeakyReLU(0.2, name=f"{name}_activation")(x)
