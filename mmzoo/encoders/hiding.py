"""What an encoder needs to be pre-trained by guessing: a token for hidden patches, a table of tokens to guess from."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from mmzoo.encoders.describing import layers_of, vit_sizes
from mmzoo.encoders.vit import build_vit
from mmzoo.layers import PatchEmbedding, TokenEmbedding, TransformerBlock


def has_mask_token(encoder: keras.Model) -> bool:
    """Whether the image encoder takes a patch_mask."""
    return any(tensor.name == "patch_mask" for tensor in encoder.inputs)


def with_mask_token(encoder: keras.Model, wanted: bool = True) -> keras.Model:
    """A ViT of the same weights with a mask token, or without one; one that is so already is returned as it is.

    Raises ValueError for an encoder that build_vit did not build.
    """
    if has_mask_token(encoder) == wanted:
        return encoder
    sizes = vit_sizes(encoder)
    if sizes is None:
        raise ValueError(f"image_encoder must be a ViT to hide patches, received {encoder.name!r}, which is none")
    block = layers_of(encoder, TransformerBlock)[0]
    fields = {field.name: getattr(sizes, field.name) for field in dataclasses.fields(sizes)}
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(block.dtype_policy)
        rebuilt = build_vit(**fields, mask_token=wanted, dropout=block.dropout, name=encoder.name)
    finally:
        keras.config.set_dtype_policy(policy)
    for layer in rebuilt.layers:
        old: Any = encoder.get_layer(layer.name) if layer.weights else None
        if isinstance(layer, PatchEmbedding):
            for part in ("positions", "class_embedding"):
                if getattr(layer, part) is not None:
                    getattr(layer, part).assign(getattr(old, part))
            layer.projection.set_weights(old.projection.get_weights())
        elif old is not None:
            layer.set_weights(old.get_weights())
    rebuilt._preprocessing = encoder._preprocessing  # None too: a model may have one to lend
    return rebuilt


def token_table(encoder: keras.Model) -> Any:
    """The variable (V, D) with a vector of each token, or None where no layer of the text encoder says which it is."""
    tables = [
        (layer.vocab_size, layer.tokens) for layer in encoder._flatten_layers() if isinstance(layer, TokenEmbedding)
    ]
    tables += [
        (layer.input_dim, layer.embeddings)
        for layer in encoder._flatten_layers()
        if isinstance(layer, keras.layers.Embedding)
    ]
    return max(tables, key=lambda table: table[0])[1] if tables else None
