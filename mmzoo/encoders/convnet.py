"""A small residual network for small pictures and small machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from mmzoo.encoders.contract import ImageEncoder
from mmzoo.layers import ImageNormalization
from mmzoo.presets import CLIP_MEAN, CLIP_STD


def build_convnet(
    *,
    image_size: int | tuple[int, int] = 32,
    widths: Sequence[int] = (64, 128, 256),
    blocks: int = 1,
    dropout: float = 0.0,
    mean: Sequence[float] = CLIP_MEAN,
    std: Sequence[float] = CLIP_STD,
    name: str = "image_encoder",
) -> ImageEncoder:
    """Residual network with batch normalisation, one stage a width, each halving the picture (arXiv:1512.03385, section 4.2).

    Inputs:  images (B, H, W, 3) in [0, 255].
    Outputs: sequence (B, H W / 4^stages, widths[-1]), row by row; pooled (B, widths[-1]), its mean.
    Raises:  ValueError without widths or blocks, or where image_size is not a multiple of 2^stages.
    """
    height, breadth = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not widths or min(widths) < 1 or blocks < 1:
        raise ValueError(f"widths and blocks must be at least 1, received widths={widths}, blocks={blocks}")
    step = 2 ** len(widths)
    if height % step or breadth % step:
        raise ValueError(f"image_size must be a multiple of {step}, received {height} x {breadth}")
    images = keras.Input((height, breadth, 3), name="images")
    x = ImageNormalization(mean, std, name="image_normalization")(images)
    x = _convolution(x, widths[0], "stem")
    for stage, width in enumerate(widths):
        x = keras.layers.MaxPooling2D(2, name=f"stage_{stage}_pool")(x)
        x = _convolution(x, width, f"stage_{stage}_in")
        for block in range(blocks):
            prefix = f"stage_{stage}_block_{block}"
            residual = _convolution(_convolution(x, width, f"{prefix}_a"), width, f"{prefix}_b")
            x = keras.layers.Add(name=f"{prefix}_add")([x, residual])
    if dropout:
        x = keras.layers.SpatialDropout2D(dropout, name="dropout")(x)
    sequence = keras.layers.Reshape((-1, widths[-1]), name="to_sequence")(x)
    pooled = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
    return ImageEncoder({"images": images}, {"sequence": sequence, "pooled": pooled}, name=name)


def _convolution(x: Any, width: int, name: str) -> Any:
    x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
