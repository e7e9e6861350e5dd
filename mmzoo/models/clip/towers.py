"""What becomes of an encoder on its way into a CLIP."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.encoders.contract import id_range
from mmzoo.layers import EndOfTextPooling, TokenMask
from mmzoo.tokenizer import Tokenizer

PROJECTIONS = ("linear", "affine", "none")


def check_tokenizer(tokenizer: Tokenizer, text_encoder: keras.Model) -> None:
    """Refuses a tokenizer whose ids the encoder cannot embed, or whose end of text it would not find: it would train, and badly."""
    ids = id_range(text_encoder)
    if ids is not None and tokenizer.vocab_size > ids[1] + 1:
        raise ValueError(
            f"text_encoder must have vocab_size={tokenizer.vocab_size} for this tokenizer, received {ids[1] + 1}"
        )
    pooling = next((layer for layer in text_encoder.layers if isinstance(layer, EndOfTextPooling)), None)
    mask = next((layer for layer in text_encoder.layers if isinstance(layer, TokenMask)), None)
    if mask is not None and mask.rule == "pad_id" and mask.pad_id != tokenizer.pad_id:
        raise ValueError(
            f"text_encoder must have pad_id={tokenizer.pad_id} for this tokenizer, received {mask.pad_id}: it would read padding"
        )
    if mask is not None and mask.rule == "after_first_eos" and mask.end_id != tokenizer.end_id:
        raise ValueError(
            f"text_encoder must mask after end_id={tokenizer.end_id} for this tokenizer, received {mask.end_id}"
        )
    if pooling is not None:
        found = tokenizer.vocab_size - 1 if pooling.end_id is None else pooling.end_id
        if found != tokenizer.end_id:
            raise ValueError(
                f"text_encoder must have end_id={tokenizer.end_id} for this tokenizer, received {pooling.end_id}"
            )


def build_tower(
    encoder: keras.Model, input_name: str, modality: str, embed_dim: int, projection: str, policy: Any
) -> keras.Model:
    """Encoder, projection of its pooled output ("linear", "affine" or "none"), and L2 norm in float32."""
    inputs = inputs_like(encoder)
    if set(inputs) != {input_name}:
        raise ValueError(f"{modality}_encoder must have one input named {input_name}, received {sorted(inputs)}")
    if None in inputs[input_name].shape[1:]:
        raise ValueError(
            f"{modality}_encoder must have a fixed input shape, received {tuple(inputs[input_name].shape)}"
        )
    if projection not in PROJECTIONS:
        received = f"{modality}_projection must be one of {', '.join(PROJECTIONS)}, received {projection!r}"
        raise ValueError(received)
    encoded = encoder(inputs)
    if not isinstance(encoded, dict) or "pooled" not in encoded:
        raise ValueError(f"{modality}_encoder must return a dictionary with 'pooled', received {encoded!r}")
    embeds = encoded["pooled"]
    if projection == "none" and embeds.shape[-1] != embed_dim:
        raise ValueError(
            f"{modality}_projection must be 'linear' or 'affine' where pooled has {embeds.shape[-1]} numbers and "
            f"embed_dim is {embed_dim}, received 'none'"
        )
    if projection != "none":
        start = keras.initializers.RandomNormal(stddev=embeds.shape[-1] ** -0.5)
        affine = projection == "affine"
        embeds = keras.layers.Dense(
            embed_dim, use_bias=affine, kernel_initializer=start, dtype=policy, name="projection"
        )(embeds)
    embeds = keras.layers.UnitNormalization(dtype="float32", name=f"{modality}_embeds")(embeds)
    return keras.Model(inputs, {f"{modality}_embeds": embeds}, name=f"{modality}_tower")


def inputs_like(model: keras.Model) -> dict[str, Any]:
    """Fresh Keras inputs with the names, shapes and dtypes of the model's."""
    return {x.name: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name) for x in model.inputs}
