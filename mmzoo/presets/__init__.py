"""Named model sizes as plain data."""

from mmzoo.presets.catalogue import (
    PresetRow,
    clip_preset,
    find_preset,
    image_preset,
    list_presets,
    near_names,
    text_preset,
)
from mmzoo.presets.clip import CLIP_PRESETS, ClipPreset
from mmzoo.presets.encoders import IMAGE_PRESETS, TEXT_PRESETS, ImagePreset, TextPreset
from mmzoo.presets.parameters import count_parameters, pooled_size
from mmzoo.presets.preprocessing import CLIP_MEAN, CLIP_STD, HALF, IMAGENET_MEAN, IMAGENET_STD, ImagePreprocessing
from mmzoo.presets.sizes import (
    BertSizes,
    ClipResNetSizes,
    ConvnetSizes,
    ImageSizes,
    RecurrentSizes,
    ResNetSizes,
    TextEncoderSizes,
    TextSizes,
    ViTSizes,
    height_and_width,
)

__all__ = [
    "CLIP_MEAN",
    "CLIP_PRESETS",
    "CLIP_STD",
    "HALF",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "IMAGE_PRESETS",
    "TEXT_PRESETS",
    "BertSizes",
    "ClipPreset",
    "ClipResNetSizes",
    "ConvnetSizes",
    "ImagePreprocessing",
    "ImagePreset",
    "ImageSizes",
    "PresetRow",
    "RecurrentSizes",
    "ResNetSizes",
    "TextEncoderSizes",
    "TextPreset",
    "TextSizes",
    "ViTSizes",
    "clip_preset",
    "count_parameters",
    "find_preset",
    "height_and_width",
    "image_preset",
    "list_presets",
    "near_names",
    "pooled_size",
    "text_preset",
]
