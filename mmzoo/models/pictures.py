"""Pictures as a model's own methods take them."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmzoo.training.input_range import warn_if_unit_range


def checked_pictures(images: Any, size: tuple[int, int]) -> np.ndarray:
    """Pictures (N, H, W, 3) in [0, 255] of the size (height, width), as an array. Warns where they look like [0, 1].

    Raises ValueError for another shape: resizing silently would not be the training's preprocessing.
    """
    images, expected = np.asarray(images), (*size, 3)
    if images.ndim != 4 or images.shape[1:] != expected:
        raise ValueError(
            f"images must have shape (N, {', '.join(map(str, expected))}), received {images.shape}: "
            "mmzoo.data.resize(picture, model.image_preprocessing) makes one of any size fit"
        )
    if len(images):
        warn_if_unit_range(images.max())
    return images
