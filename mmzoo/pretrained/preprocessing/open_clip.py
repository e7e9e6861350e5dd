"""open_clip_config.json: its preprocess_cfg, and the size in its model_cfg."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

from mmzoo.presets import CLIP_MEAN, CLIP_STD, ImagePreprocessing
from mmzoo.pretrained.preprocessing.fields import Preprocessing, colours_of, object_of, size_of


def from_open_clip(content: Mapping[str, Any]) -> Preprocessing | None:
    """The preprocessing of an open_clip_config.json's content, None without a preprocess_cfg. Raises ValueError."""
    if content.get("preprocess_cfg") is None:
        return None
    fields = {key: value for key, value in object_of(content, "preprocess_cfg").items() if value is not None}
    vision = object_of(object_of(content, "model_cfg"), "vision_cfg")
    # The model's size goes before the preprocessing's own.
    size = size_of(vision.get("image_size") or fields.get("size", 224), "image_size", to_square=True)
    mode, interpolation = fields.get("resize_mode", "shortest"), fields.get("interpolation", "bicubic")
    if mode not in ("shortest", "squash"):
        raise ValueError(f"resize_mode must be 'shortest' or 'squash', received {reprlib.repr(mode)}")
    if interpolation not in ("bicubic", "bilinear", "random"):  # random is for training; then bicubic
        raise ValueError(f"interpolation must be 'bicubic' or 'bilinear', received {reprlib.repr(interpolation)}")
    if fields.get("mode", "RGB") != "RGB":
        raise ValueError(f"mode must be 'RGB', received {reprlib.repr(fields['mode'])}")
    if isinstance(size, int) or (mode == "shortest" and size[0] != size[1]):
        raise ValueError(f"image_size must be square for resize_mode 'shortest', received {size}")
    image = ImagePreprocessing(
        size, "bilinear" if interpolation == "bilinear" else "bicubic", "crop" if mode == "shortest" else "squash"
    )
    fields = {"mean": CLIP_MEAN, "std": CLIP_STD, **fields}
    return Preprocessing(image, colours_of(fields, "mean", -1e6), colours_of(fields, "std", 1e-6))


def open_clip_preprocessing(preprocessing: Preprocessing) -> dict[str, Any]:
    """The preprocess_cfg of an open_clip_config.json, whose model_cfg says the size.

    No file says how the centre is rounded: open_clip rounds to the nearest pixel, one from "down" at most.
    Raises ValueError for a crop that open_clip cannot express: of a larger picture than size, or to an oblong one.
    """
    image = preprocessing.image
    height, width = image.size
    if image.fit == "crop" and (height != width or image.shortest_side not in (None, height)):
        raise ValueError(f"image must scale the shortest side to a square size for open_clip, received {image}")
    return {
        "mean": list(preprocessing.mean),
        "std": list(preprocessing.std),
        "interpolation": image.interpolation,
        "resize_mode": "shortest" if image.fit == "crop" else "squash",
    }
