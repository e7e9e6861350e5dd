"""CLIPs from presets or from parts."""

from __future__ import annotations

import dataclasses

import keras

from mmzoo.encoders import build_convnet, build_text_transformer, build_vit
from mmzoo.models.clip.model import CLIP
from mmzoo.presets import CLIP_PRESETS, ClipPreset, ConvnetSizes, ImagePreprocessing, TextSizes, ViTSizes
from mmzoo.tokenizer import Tokenizer


def build_clip(
    preset: str | ClipPreset | None = None,
    *,
    image_encoder: keras.Model | None = None,
    text_encoder: keras.Model | None = None,
    tokenizer: Tokenizer | None = None,
    image_preprocessing: ImagePreprocessing | None = None,
    embed_dim: int | None = None,
    loss: str = "softmax",
    name: str = "clip",
) -> CLIP:
    """Builds a CLIP from a preset or from two encoders (arXiv:2103.00020; loss="sigmoid" makes it SigLIP's, arXiv:2303.15343).

    preset: a name ("tiny", "small", "vit_b_32", "vit_b_16", "vit_l_14") or a ClipPreset; an encoder given with it replaces that side.
    tokenizer: gives the text side its vocabulary and its end-of-text id; without one a preset has its published vocabulary.
    embed_dim: default the preset's, or 512. loss: "softmax" (scale starts at 1 / 0.07) or "sigmoid" (scale 10, bias -10).
    Weights start at random; seed them with keras.utils.set_random_seed.
    Raises ValueError for an unknown preset, or neither a preset nor both encoders: there would be a side without a model.
    """
    if isinstance(preset, str):
        if preset not in CLIP_PRESETS:
            raise ValueError(f"preset must be one of {', '.join(CLIP_PRESETS)}, received {preset!r}")
        preset = CLIP_PRESETS[preset]
    if preset is None and (image_encoder is None or text_encoder is None):
        received = "neither" if image_encoder is None and text_encoder is None else "only one of the encoders"
        raise ValueError(f"build_clip needs a preset name, or both image_encoder and text_encoder, received {received}")
    if preset is not None:
        image_encoder = image_encoder or _image_encoder(preset.image)
        text_encoder = text_encoder or _text_encoder(preset.text, tokenizer)
        embed_dim = preset.embed_dim if embed_dim is None else embed_dim
    return CLIP(
        image_encoder,
        text_encoder,
        embed_dim=512 if embed_dim is None else embed_dim,
        loss=loss,
        tokenizer=tokenizer,
        image_preprocessing=image_preprocessing,
        name=name,
    )


def _image_encoder(sizes: ViTSizes | ConvnetSizes) -> keras.Model:
    build = build_vit if isinstance(sizes, ViTSizes) else build_convnet
    return build(**dataclasses.asdict(sizes))


def _text_encoder(sizes: TextSizes, tokenizer: Tokenizer | None) -> keras.Model:
    if tokenizer is None:
        return build_text_transformer(**dataclasses.asdict(sizes))
    sizes = dataclasses.replace(sizes, vocab_size=tokenizer.vocab_size)
    return build_text_transformer(**dataclasses.asdict(sizes), end_id=tokenizer.end_id)
