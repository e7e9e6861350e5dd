"""preprocessor_config.json: the image processors of transformers, and the feature extractors of its older versions."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmzoo.presets import CLIP_MEAN, CLIP_STD, HALF, ImagePreprocessing
from mmzoo.pretrained.preprocessing.fields import (
    LARGEST_SIDE,
    Colours,
    Preprocessing,
    colours_of,
    flag_of,
    number_of,
    read_json,
    size_of,
)

_INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers
_CLIP, _SIGLIP, _VIT, _CONVNEXT = (f"{name}ImageProcessor" for name in ("CLIP", "Siglip", "ViT", "ConvNext"))
# The processor that transformers takes for a model whose file names none.
_USUAL = {"clip": _CLIP, "metaclip_2": _CLIP, "siglip": _SIGLIP, "vit": _VIT, "resnet": _CONVNEXT}
_CONVNEXT_SQUASHES_FROM = 384  # pixels; smaller sizes are cropped
# What transformers takes for a field that is missing or null.
_ALL: Mapping[str, Any] = {
    "do_resize": True,
    "do_rescale": True,
    "do_normalize": True,
    "do_center_crop": False,
    "do_pad": False,
    "rescale_factor": 1 / 255,
    "default_to_square": True,
    "crop_size": None,
    "image_mean": HALF,
    "image_std": HALF,
}
_SQUARE = {"height": 224, "width": 224}
_EACH: Mapping[str, Mapping[str, Any]] = {
    _CLIP: {
        "size": {"shortest_edge": 224},
        "default_to_square": False,
        "do_center_crop": True,
        "crop_size": _SQUARE,
        "resample": 3,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
    },
    _SIGLIP: {"size": _SQUARE, "default_to_square": False, "resample": 3},
    _VIT: {"size": _SQUARE, "resample": 2},
    _CONVNEXT: {"size": {"shortest_edge": 384}, "default_to_square": False, "resample": 3, "crop_pct": 224 / 256},
}
# Pictures are made RGB here in any case; where that is false, transformers takes no others.
_KNOWN_STEPS = {"do_resize", "do_rescale", "do_normalize", "do_center_crop", "do_pad", "do_convert_rgb"}


def from_transformers(content: Mapping[str, Any], folder: Path) -> Preprocessing:
    """The preprocessing of an image processor's fields; the folder's config.json tells which where they do not. Raises ValueError."""
    name = _processor(content, folder)
    fields = {**_ALL, **_EACH[name], **{key: value for key, value in content.items() if value is not None}}
    flags = {key: flag_of(fields, key) for key in fields if key.startswith(("do_", "use_square"))}
    if unknown := sorted(key for key, is_on in flags.items() if is_on and key not in _KNOWN_STEPS):
        raise ValueError(
            f"steps must be known ones ({', '.join(sorted(_KNOWN_STEPS))}), received {reprlib.repr(unknown)}"
        )
    if not flags["do_resize"]:
        raise ValueError("do_resize must be true, since the model takes pictures of one size, received false")
    if flags["do_pad"]:
        raise ValueError("do_pad must be false, since pictures are not padded here, received true")
    interpolation = fields["resample"]
    if isinstance(interpolation, bool) or not isinstance(interpolation, int) or interpolation not in _INTERPOLATIONS:
        raise ValueError(f"resample must be 2 (bilinear) or 3 (bicubic), received {reprlib.repr(interpolation)}")
    fit = _convnext_fit if name == _CONVNEXT else _fit
    image = ImagePreprocessing(interpolation=_INTERPOLATIONS[interpolation], crop_rounding="down", **fit(fields, flags))
    mean: Colours = (0.0, 0.0, 0.0)
    std: Colours = (1.0, 1.0, 1.0)
    if flags["do_normalize"]:
        mean, std = colours_of(fields, "image_mean", -1e6), colours_of(fields, "image_std", 1e-6)
    factor = number_of(fields["rescale_factor"], "rescale_factor", 1e-6) if flags["do_rescale"] else 1.0
    # (pixel * factor - mean) / std = (pixel / 255 - mean / share) / (std / share); nothing is rounded for the usual 1 / 255.
    share = 1.0 if factor == 1 / 255 else 255 * factor
    return Preprocessing(image, _divided(mean, share), _divided(std, share))


def _divided(colours: Colours, share: float) -> Colours:
    return tuple(colour / share for colour in colours)


def _processor(content: Mapping[str, Any], folder: Path) -> str:
    named = content.get("image_processor_type") or content.get("feature_extractor_type")
    if named is not None:
        name = str(named).removesuffix("Fast").removesuffix("Pil").replace("FeatureExtractor", "ImageProcessor")
        if name not in _EACH:
            raise ValueError(f"image_processor_type must be one of {', '.join(_EACH)}, received {reprlib.repr(named)}")
        return name
    config = folder / "config.json"
    model_type = read_json(config).get("model_type") if config.exists() else None
    if not isinstance(model_type, str) or model_type not in _USUAL:
        raise ValueError(
            f"image_processor_type must be one of {', '.join(_EACH)}, or config.json's model_type one of "
            f"{', '.join(_USUAL)}, received neither ({reprlib.repr(model_type)})"
        )
    return _USUAL[model_type]


def _fit(fields: Mapping[str, Any], flags: Mapping[str, bool]) -> dict[str, Any]:
    size = size_of(fields["size"], "size", to_square=flag_of(fields, "default_to_square"))
    crop = size_of(fields["crop_size"], "crop_size", to_square=True) if flags["do_center_crop"] else size
    if isinstance(crop, int):
        where = "crop_size" if flags["do_center_crop"] else "size without do_center_crop"
        raise ValueError(f"{where} must have a height and a width, received the shortest edge {crop} alone")
    if not isinstance(size, int):
        if crop != size:
            raise ValueError(f"crop_size must be size {size} where that is a height and a width, received {crop}")
        return {"size": size, "fit": "squash"}
    if max(crop) > size:
        raise ValueError(
            f"crop_size must be at most the shortest edge {size}, since nothing is padded, received {crop}"
        )
    return {"size": crop, "shortest_side": None if crop == (size, size) else size}


def _convnext_fit(fields: Mapping[str, Any], flags: Mapping[str, bool]) -> dict[str, Any]:
    side = size_of(fields["size"], "size", to_square=flag_of(fields, "default_to_square"))
    if not isinstance(side, int):
        raise ValueError(f"size must be a shortest edge for {_CONVNEXT}, received {side}")
    if flags["do_center_crop"]:
        raise ValueError(f"do_center_crop must be false for {_CONVNEXT}, which crops by crop_pct, received true")
    if side >= _CONVNEXT_SQUASHES_FROM:
        return {"size": (side, side), "fit": "squash"}
    share = number_of(fields["crop_pct"], "crop_pct", side / LARGEST_SIDE, 1)
    shortest = int(side / share)
    return {"size": (side, side), "shortest_side": None if shortest == side else shortest}


def to_transformers(preprocessing: Preprocessing, model_type: str) -> dict[str, Any]:
    """An image processor's fields, none left to a default: the model's usual processor's where it can express them, or CLIP's.

    Raises ValueError for a crop to an oblong size without shortest_side.
    """
    usual = _USUAL.get(model_type, _CLIP)
    image = preprocessing.image
    height, width = image.size
    if image.fit == "crop" and height != width and image.shortest_side is None:
        raise ValueError(f"image must have a square size or a shortest_side for transformers, received {image}")
    shortest = image.shortest_side or height
    content = {
        "do_center_crop": image.fit == "crop",
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": list(preprocessing.mean),
        "image_processor_type": usual,
        "image_std": list(preprocessing.std),
        "resample": next(number for number, name in _INTERPOLATIONS.items() if name == image.interpolation),
        "rescale_factor": 1 / 255,
        "size": {"height": height, "width": width},
    }
    is_small = height < _CONVNEXT_SQUASHES_FROM
    if usual == _CONVNEXT and height == width and is_small == (image.fit == "crop"):
        # Half a pixel more, where the quotient would be rounded below the whole number.
        share = height / shortest if int(height / (height / shortest)) == shortest else height / (shortest + 0.5)
        return content | {"do_center_crop": False, "size": {"shortest_edge": height}, "crop_pct": share}
    if image.fit == "squash":
        return content | ({"image_processor_type": _CLIP} if usual == _CONVNEXT else {})
    crop = {"size": {"shortest_edge": shortest}, "crop_size": {"height": height, "width": width}}
    return content | crop | {"image_processor_type": _CLIP}
