"""CLIPs from presets or from parts."""

from __future__ import annotations

import keras

from mmzoo.encoders import get_image_encoder, get_text_encoder
from mmzoo.models.clip.model import CLIP
from mmzoo.presets import ClipPreset, ImagePreprocessing, clip_preset
from mmzoo.tokenizer import Tokenizer


def build_clip(
    preset: str | ClipPreset | None = None,
    *,
    image_encoder: keras.Model | str | None = None,
    text_encoder: keras.Model | str | None = None,
    tokenizer: Tokenizer | None = None,
    image_preprocessing: ImagePreprocessing | None = None,
    embed_dim: int | None = None,
    loss: str | None = None,
    image_projection: str | None = None,
    text_projection: str | None = None,
    name: str = "clip",
) -> CLIP:
    """Builds a CLIP from a preset or from two encoders (arXiv:2103.00020; loss="sigmoid" makes it SigLIP's, arXiv:2303.15343).

    preset: a name of mmzoo.list_presets() or a ClipPreset. image_encoder, text_encoder: a model with the encoder contract, or the
    name of an encoder there or of a CLIP whose side is meant; given with a preset it replaces that side.
    tokenizer: gives the text side its vocabulary and its end-of-text id; without one a preset has its published vocabulary, and a
    text encoder that brings its own keeps it. image_preprocessing: default the image encoder's.
    embed_dim: default the preset's, or 512. loss: "softmax" (scale starts at 1 / 0.07), "sigmoid" (scale 10, bias -10) or "triplet"
    (VSE++, arXiv:1707.05612: the hardest wrong text and picture, by a margin of 0.2 in the cosine; the scale is not trained); default
    the preset's, or "softmax".
    image_projection, text_projection: what makes an embedding of pooled: "linear" (no bias), "affine" (with bias), or "none" where
    pooled has embed_dim numbers already; default the preset's for a side it builds, and "linear".
    Weights start at random; seed them with keras.utils.set_random_seed.
    Raises ValueError for an unknown preset, or neither a preset nor both encoders: there would be a side without a model.
    """
    if preset is None and (image_encoder is None or text_encoder is None):
        received = "neither" if image_encoder is None and text_encoder is None else "only one of the encoders"
        raise ValueError(f"build_clip needs a preset name, or both image_encoder and text_encoder, received {received}")
    if isinstance(preset, str):
        preset = clip_preset(preset)
    if preset is not None:
        if image_encoder is None:
            image_encoder = get_image_encoder(preset.image_preset)
            image_projection = image_projection or preset.image_projection
        if text_encoder is None:
            text_encoder = get_text_encoder(preset.text_preset, tokenizer)
            text_projection = text_projection or preset.text_projection
        embed_dim = preset.embed_dim if embed_dim is None else embed_dim
        loss = loss or preset.loss
    return CLIP(
        get_image_encoder(image_encoder),
        get_text_encoder(text_encoder, tokenizer),
        embed_dim=512 if embed_dim is None else embed_dim,
        loss=loss or "softmax",
        image_projection=image_projection or "linear",
        text_projection=text_projection or "linear",
        tokenizer=tokenizer,
        image_preprocessing=image_preprocessing,
        name=name,
    )
