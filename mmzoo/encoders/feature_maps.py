"""The maps inside an image encoder, for what needs more than its last one."""

from __future__ import annotations

import math
from typing import Any

import keras

from mmzoo.layers import TransformerBlock

TAPPED = 3
"""Of a transformer's blocks, this many are read, evenly spread and the last among them."""


def feature_maps(encoder: keras.Model) -> keras.Model:
    """The encoder's maps, from fine to coarse: images (B, H, W, 3) in [0, 255] -> list of (B, h, w, C).

    Of a convolutional network the last map of each size it goes through, of at most half the picture's; of a vision transformer the
    outputs of three of its blocks, on the grid of its patches, without the class token (GALIP reads CLIP so, arXiv:2301.12959,
    section 3.2). The layers are the encoder's own, not copies.
    Raises ValueError for an encoder whose layers are inside another layer, or that is not made of maps or square grids.
    """
    images = next(tensor for tensor in encoder.inputs if tensor.name == "images")
    blocks = [layer for layer in encoder.layers if isinstance(layer, TransformerBlock)]
    if blocks:
        count = min(TAPPED, len(blocks))
        chosen = [blocks[round((index + 1) * len(blocks) / count) - 1] for index in range(count)]
        maps = [_on_grid(block.output, encoder.output["sequence"].shape[1], block.name) for block in chosen]
    else:
        by_size: dict[tuple[int, int], Any] = {}
        for layer in encoder.layers:
            tensor = layer.output
            if (
                not hasattr(tensor, "shape")
                or len(tensor.shape) != 4
                or not 1 < tensor.shape[1] <= images.shape[1] // 2
            ):
                continue
            if images.shape[1] % tensor.shape[1] == 0:  # else it was padded for a convolution
                by_size[tuple(tensor.shape[1:3])] = tensor
        maps = list(by_size.values())
    if not maps:
        raise ValueError(
            "image_encoder must be a convolutional network or a vision transformer with its layers in its own graph, "
            f"received {encoder.name!r}"
        )
    return keras.Model({"images": images}, maps, name="feature_maps")


def _on_grid(tokens: Any, patches: int, name: str) -> Any:
    side = math.isqrt(patches)
    if side * side != patches:
        raise ValueError(f"image_encoder must have a square grid of patches, received {patches}")
    extra = tokens.shape[1] - patches
    return keras.layers.Reshape((side, side, tokens.shape[-1]), name=f"{name}_map")(tokens[:, extra:])
