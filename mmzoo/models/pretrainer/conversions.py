"""From a pretrainer to what its user wants: models of copies, which may be trained without touching it."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.models.clip import CLIP
from mmzoo.models.copying import copy_encoder, copy_trunk
from mmzoo.models.matcher import Matcher
from mmzoo.models.trunk import Trunk


def to_clip(pretrainer: Any, name: str) -> CLIP:
    """A CLIP; see Pretrainer.to_clip. Raises ValueError without both encoders."""
    _check_both(pretrainer, "to_clip")
    clip = CLIP(
        copy_encoder(pretrainer.image_encoder),
        copy_encoder(pretrainer.text_encoder),
        embed_dim=pretrainer.embed_dim,
        tokenizer=pretrainer.tokenizer,
        image_preprocessing=pretrainer.image_preprocessing,
        name=name,
        dtype=pretrainer.dtype_policy,
    )
    if pretrainer.contrast is not None:
        for tower, projection in (
            (clip.image_tower, pretrainer.contrast.image_projection),
            (clip.text_tower, pretrainer.contrast.text_projection),
        ):
            tower.get_layer("projection").set_weights(projection.get_weights())
        clip.logit_scale.set_weights(pretrainer.contrast.logit_scale.get_weights())
    return clip


def to_trunk(pretrainer: Any, fusion: Any = None, width: int | None = None, missing_modalities: bool = False) -> Trunk:
    """A copy of the trunk, or a new one on copies of the encoders. Raises ValueError without both encoders."""
    _check_both(pretrainer, "a trunk")
    if pretrainer.trunk is not None:
        return copy_trunk(pretrainer.trunk, fusion, width, missing_modalities)
    return Trunk(
        copy_encoder(pretrainer.image_encoder),
        copy_encoder(pretrainer.text_encoder),
        fusion or "cross_attention",
        width=width,
        missing_modalities=missing_modalities,
        dtype=pretrainer.dtype_policy,
    )


def to_matcher(pretrainer: Any, name: str) -> Matcher:
    """A matcher; see Pretrainer.to_matcher. Raises ValueError without both encoders."""
    matcher = Matcher(
        to_trunk(pretrainer),
        embed_dim=pretrainer.embed_dim,
        tokenizer=pretrainer.tokenizer,
        image_preprocessing=pretrainer.image_preprocessing,
        seed=pretrainer.seed,
        name=name,
        dtype=pretrainer.dtype_policy,
    )
    for part in ("contrast", "match_head"):
        if getattr(pretrainer, part) is not None:
            getattr(matcher, part).set_weights(getattr(pretrainer, part).get_weights())
    return matcher


def to_reader(pretrainer: Any, reads_texts: bool) -> keras.Model:
    """What a captioner reads with: a copy of the image encoder, or of the trunk. Raises ValueError without it."""
    if reads_texts:
        return to_trunk(pretrainer)
    if pretrainer.image_encoder is None:
        raise ValueError("to_captioner needs a pretrainer with an image encoder, received one of text alone")
    return copy_encoder(pretrainer.image_encoder)


def _check_both(pretrainer: Any, method: str) -> None:
    if pretrainer.image_encoder is None or pretrainer.text_encoder is None:
        received = "text" if pretrainer.image_encoder is None else "pictures"
        raise ValueError(f"{method} needs a pretrainer with both encoders, received one of {received} alone")
