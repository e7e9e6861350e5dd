"""From the sizes of a preset to the encoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras

from mmzoo.encoders.bert import build_bert
from mmzoo.encoders.clip_resnet import build_clip_resnet
from mmzoo.encoders.convnet import build_convnet
from mmzoo.encoders.recurrent_text import build_recurrent_text
from mmzoo.encoders.resnet import build_resnet
from mmzoo.encoders.text_transformer import build_text_transformer
from mmzoo.encoders.vit import build_vit
from mmzoo.presets import (
    BertSizes,
    ClipPreset,
    ClipResNetSizes,
    ConvnetSizes,
    ImagePreset,
    ImageSizes,
    RecurrentSizes,
    ResNetSizes,
    TextEncoderSizes,
    TextPreset,
    TextSizes,
    ViTSizes,
    find_preset,
)

BUILDERS: dict[type, Callable[..., Any]] = {
    BertSizes: build_bert,
    ClipResNetSizes: build_clip_resnet,
    ConvnetSizes: build_convnet,
    RecurrentSizes: build_recurrent_text,
    ResNetSizes: build_resnet,
    TextSizes: build_text_transformer,
    ViTSizes: build_vit,
}


def build_encoder(preset: str | ImagePreset | TextPreset | ImageSizes | TextEncoderSizes) -> keras.Model:
    """The encoder of an image or text preset, of its name, or of sizes, weights at random.

    Raises ValueError for a name of no encoder in mmzoo.list_presets(), TypeError for what is neither a preset nor sizes.
    """
    if isinstance(preset, str):
        named = find_preset(preset)
        if isinstance(named, ClipPreset):
            raise ValueError(f"preset must be one encoder, received {preset!r}, a CLIP: build_clip builds it")
        preset = named
    sizes = preset.sizes if isinstance(preset, (ImagePreset, TextPreset)) else preset
    if type(sizes) not in BUILDERS:
        raise TypeError(
            f"preset must be a name, an ImagePreset, a TextPreset or one of {', '.join(kind.__name__ for kind in BUILDERS)}, "
            f"received {sizes!r}"
        )
    encoder = BUILDERS[type(sizes)](**{field.name: getattr(sizes, field.name) for field in dataclasses.fields(sizes)})
    if isinstance(preset, ImagePreset):
        encoder.image_preprocessing = preset.preprocessing
    return encoder
