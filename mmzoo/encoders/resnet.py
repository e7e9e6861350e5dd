"""Residual networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from mmzoo.encoders.contract import ImageEncoder
from mmzoo.encoders.convolution import CONVOLUTION_ACTIVATIONS, activate, convolve
from mmzoo.layers import ImageNormalization
from mmzoo.presets import IMAGENET_MEAN, IMAGENET_STD


def build_resnet(
    *,
    image_size: int | tuple[int, int] = 224,
    stem_width: int = 64,
    widths: Sequence[int] = (256, 512, 1024, 2048),
    depths: Sequence[int] = (3, 4, 6, 3),
    block: str = "bottleneck",
    downsample_in_first_stage: bool = False,
    downsample_in_bottleneck: bool = False,
    activation: str = "relu",
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    name: str = "image_encoder",
) -> ImageEncoder:
    """Residual network (arXiv:1512.03385, section 4.1 and table 1), by default ResNet-50 with its strides in the 3 x 3 convolutions.

    Inputs:  images (B, H, W, 3) in [0, 255].
    Outputs: sequence (B, N, widths[-1]), the last map row by row; pooled (B, widths[-1]), its mean.
    widths, depths: channels and blocks of each stage; the stem halves the picture twice, each stage after the first once.
    block: "bottleneck" (three convolutions, the inner two a quarter as wide) or "basic" (two, ResNet-18 and 34).
    downsample_in_first_stage: halves in the first stage too. downsample_in_bottleneck: in its first convolution, as in the
    paper. activation: after the stem and each block, "relu", "gelu", "gelu_tanh" or "quick_gelu"; within blocks it is ReLU, as
    transformers has it.
    Raises:  ValueError for an unknown block or activation, sizes under 1, a depth missing, or a bottleneck whose width is no
    multiple of 4.
    """
    height, breadth = (image_size, image_size) if isinstance(image_size, int) else image_size
    if block not in ("bottleneck", "basic"):
        raise ValueError(f"block must be 'bottleneck' or 'basic', received {block!r}")
    if activation not in CONVOLUTION_ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(CONVOLUTION_ACTIVATIONS)}, received {activation!r}")
    if not widths or len(widths) != len(depths) or min(height, breadth, stem_width, *widths, *depths) < 1:
        raise ValueError(
            f"image_size, stem_width, widths and as many depths must be at least 1, received {height} x {breadth}, "
            f"{stem_width}, widths={tuple(widths)}, depths={tuple(depths)}"
        )
    if block == "bottleneck" and any(width % 4 for width in widths):
        raise ValueError(f"widths must be multiples of 4 for bottlenecks, received {tuple(widths)}")
    images = keras.Input((height, breadth, 3), name="images")
    x = ImageNormalization(mean, std, name="image_normalization")(images)
    x = convolve(x, stem_width, 7, "stem", strides=2, activation=activation)
    if activation == "relu":  # leaves nothing below zero, so that zeros around it never are the maximum
        x = keras.layers.ZeroPadding2D(1, name="stem_pool_padding")(x)
        x = keras.layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    else:
        x = keras.layers.MaxPooling2D(3, 1, "same", name="stem_pool")(x)[:, ::2, ::2]
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for index in range(depth):
            strides = 2 if index == 0 and (stage > 0 or downsample_in_first_stage) else 1
            prefix = f"stage_{stage}_block_{index}"
            if block == "basic":
                residual = convolve(x, width, 3, f"{prefix}_0", strides=strides)
                residual = convolve(residual, width, 3, f"{prefix}_1", activation=None)
            else:
                first, second = (strides, 1) if downsample_in_bottleneck else (1, strides)
                residual = convolve(x, width // 4, 1, f"{prefix}_0", strides=first)
                residual = convolve(residual, width // 4, 3, f"{prefix}_1", strides=second)
                residual = convolve(residual, width, 1, f"{prefix}_2", activation=None)
            x = _joined(x, residual, strides, activation, prefix)
    sequence = keras.layers.Reshape((-1, widths[-1]), name="to_sequence")(x)
    pooled = keras.layers.GlobalAveragePooling2D(name="pooling")(x)
    return ImageEncoder({"images": images}, {"sequence": sequence, "pooled": pooled}, name=name)


def _joined(x: Any, residual: Any, strides: int, activation: str, prefix: str) -> Any:
    """The sum of a block and its shortcut, which is projected where shapes differ, activated."""
    if strides > 1 or x.shape[-1] != residual.shape[-1]:
        x = convolve(x, residual.shape[-1], 1, f"{prefix}_shortcut", strides=strides, activation=None)
    return activate(keras.layers.Add(name=f"{prefix}_add")([x, residual]), activation, f"{prefix}_activation")
