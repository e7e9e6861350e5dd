"""The residual networks of CLIP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from mmzoo.encoders.contract import ImageEncoder
from mmzoo.encoders.convolution import activate, convolve
from mmzoo.layers import ImageNormalization, MeanQueryPooling
from mmzoo.presets import CLIP_MEAN, CLIP_STD

_STRIDE = 32  # pixels of a side that a position of the last map stands for


def build_clip_resnet(
    *,
    image_size: int | tuple[int, int] = 224,
    width: int = 64,
    depths: Sequence[int] = (3, 4, 6, 3),
    num_heads: int = 32,
    mean: Sequence[float] = CLIP_MEAN,
    std: Sequence[float] = CLIP_STD,
    name: str = "image_encoder",
) -> ImageEncoder:
    """CLIP's modified ResNet (arXiv:2103.00020, section 2.4): three convolutions first, average pools for strides, attention last.

    Inputs:  images (B, H, W, 3) in [0, 255].
    Outputs: sequence (B, N, 32 width), the last map row by row, of (H + 1) // 32 times (W + 1) // 32 places; pooled (B, 32 width),
    what the attention pooling mixes, without its output projection: with image_projection="affine" that is the CLIP's own.
    depths: blocks of the four stages; RN50 (3, 4, 6, 3), RN101 (3, 4, 23, 3). num_heads: of the pooling.
    Raises:  ValueError for a picture of less than 32 pixels a side, an odd width, depths that are not four numbers of at
    least 1, or heads that do not divide 32 width.
    """
    height, breadth = (image_size, image_size) if isinstance(image_size, int) else image_size
    if min(height, breadth) < _STRIDE:
        raise ValueError(f"image_size must be at least {_STRIDE}, received {height} x {breadth}")
    if width < 2 or width % 2:
        raise ValueError(f"width must be even and at least 2, received {width}")
    if len(depths) != 4 or min(depths) < 1:
        raise ValueError(f"depths must be four numbers of at least 1, received {tuple(depths)}")
    images = keras.Input((height, breadth, 3), name="images")
    x = ImageNormalization(mean, std, name="image_normalization")(images)
    x = convolve(x, width // 2, 3, "stem_0", strides=2)
    x = convolve(x, width // 2, 3, "stem_1")
    x = convolve(x, width, 3, "stem_2")
    x = keras.layers.AveragePooling2D(2, name="stem_pool")(x)
    for stage, depth in enumerate(depths):
        for block in range(depth):
            strides = 2 if stage > 0 and block == 0 else 1
            x = _bottleneck(x, width * 2**stage, strides, f"stage_{stage}_block_{block}")
    sequence = keras.layers.Reshape((-1, 32 * width), name="to_sequence")(x)
    pooled = MeanQueryPooling(num_heads, name="pooling")(sequence)
    return ImageEncoder({"images": images}, {"sequence": sequence, "pooled": pooled}, name=name)


def _bottleneck(x: Any, width: int, strides: int, name: str) -> Any:
    """Blurs before it leaves pixels out: the pool of a stride comes after the 3 x 3 convolution, and first in the shortcut."""
    residual = convolve(x, width, 1, f"{name}_0")
    residual = convolve(residual, width, 3, f"{name}_1")
    shortcut = x
    if strides > 1:
        residual = keras.layers.AveragePooling2D(strides, name=f"{name}_pool")(residual)
        shortcut = keras.layers.AveragePooling2D(strides, name=f"{name}_shortcut_pool")(shortcut)
    # A block that starts as its shortcut trains more surely (arXiv:1706.02677, section 5.1).
    residual = convolve(residual, 4 * width, 1, f"{name}_2", activation=None, gamma="zeros")
    if strides > 1 or x.shape[-1] != 4 * width:
        shortcut = convolve(shortcut, 4 * width, 1, f"{name}_shortcut", activation=None)
    return activate(keras.layers.Add(name=f"{name}_add")([shortcut, residual]), "relu", f"{name}_activation")
