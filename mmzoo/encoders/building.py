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
    image_preset,
    text_preset,
)
from mmzoo.tokenizer import Tokenizer

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


def get_image_encoder(encoder: keras.Model | str | ImagePreset) -> keras.Model:
    """A model as it is; of a preset or its name the encoder, weights at random. A CLIP's name stands for its image side."""
    if isinstance(encoder, str):
        encoder = image_preset(encoder)
    return build_encoder(encoder) if isinstance(encoder, ImagePreset) else encoder


def get_text_encoder(encoder: keras.Model | str | TextPreset, tokenizer: Tokenizer | None = None) -> keras.Model:
    """A model as it is; of a preset or its name the encoder, with the tokenizer's vocabulary. A CLIP's name stands for its text side."""
    if isinstance(encoder, str):
        encoder = text_preset(encoder)
    return build_encoder(_for_tokenizer(encoder, tokenizer)) if isinstance(encoder, TextPreset) else encoder


def _for_tokenizer(preset: TextPreset, tokenizer: Tokenizer | None) -> TextPreset:
    """The preset with the tokenizer's vocabulary, and those of its ids that the encoder looks for."""
    if tokenizer is None:
        return preset
    sizes = dataclasses.replace(preset.sizes, vocab_size=tokenizer.vocab_size)
    if isinstance(sizes, BertSizes) or sizes.mask_rule == "pad_id":
        sizes = dataclasses.replace(sizes, pad_id=tokenizer.pad_id)
    if not isinstance(sizes, BertSizes) and (sizes.mask_rule == "after_first_eos" or sizes.pooling == "end_of_text"):
        sizes = dataclasses.replace(sizes, end_id=tokenizer.end_id)
    return dataclasses.replace(preset, sizes=sizes)
