"""Copies of a model's parts, which may be trained without touching the model."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.encoders.hiding import has_mask_token, with_mask_token
from mmzoo.layers.locking import set_trainable
from mmzoo.models.trunk import Trunk
from mmzoo.training.freezing import freeze_layers, frozen_layers


def copy_encoder(encoder: keras.Model) -> Any:
    """The same encoder once more, with its weights, tokenizer, preprocessing and locks; a ViT's mask token is left out."""
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(encoder))
    copy.set_weights(encoder.get_weights())
    for name in ("tokenizer", "image_preprocessing"):
        if getattr(encoder, name, None) is not None:
            setattr(copy, name, getattr(encoder, name))
    if has_mask_token(copy):
        copy = with_mask_token(copy, False)
    if encoder.trainable:
        freeze_layers(copy, frozen_layers(encoder))
    else:
        set_trainable(copy, False)
    return copy


def copy_trunk(trunk: Trunk, fusion: Any = None, width: int | None = None, missing_modalities: bool = False) -> Trunk:
    """The same trunk once more, with its weights; `fusion`, a name or a layer, takes the place of its own.

    Raises ValueError for a width without a fusion to have it.
    """
    if fusion is None and width is not None:
        raise ValueError(
            f"width must go with another fusion, received {width} with the one of width {trunk.width} kept"
        )
    encoders = copy_encoder(trunk.image_encoder), copy_encoder(trunk.text_encoder)
    if fusion is not None:
        copy = Trunk(*encoders, fusion, width=width, missing_modalities=missing_modalities, dtype=trunk.dtype_policy)
    else:
        same = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(trunk.fusion))
        copy = Trunk(*encoders, same, missing_modalities=missing_modalities, dtype=trunk.dtype_policy)
        copy.fusion.set_weights(trunk.fusion.get_weights())
    copy.text_absent.set_weights(trunk.text_absent.get_weights())
    return copy
