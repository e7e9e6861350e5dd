"""What becomes of an encoder on its way into a CLIP."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.layers import EndOfTextPooling, TokenEmbedding
from mmzoo.tokenizer import Tokenizer


def first_layer(encoder: keras.Model, kind: type[keras.layers.Layer]) -> Any:
    """The first layer of that kind at the top of the encoder's graph, or None."""
    return next((layer for layer in encoder.layers if isinstance(layer, kind)), None)


def check_tokenizer(tokenizer: Tokenizer, text_encoder: keras.Model) -> None:
    """Refuses a tokenizer whose ids the encoder cannot embed, or whose end of text it would not find: it would train, and badly."""
    embedding, pooling = first_layer(text_encoder, TokenEmbedding), first_layer(text_encoder, EndOfTextPooling)
    if embedding is not None and tokenizer.vocab_size > embedding.vocab_size:
        raise ValueError(
            f"text_encoder must have vocab_size={tokenizer.vocab_size} for this tokenizer, received {embedding.vocab_size}"
        )
    if pooling is not None:
        found = tokenizer.vocab_size - 1 if pooling.end_id is None else pooling.end_id
        if found != tokenizer.end_id:
            raise ValueError(
                f"text_encoder must have end_id={tokenizer.end_id} for this tokenizer, received {pooling.end_id}"
            )


def build_tower(encoder: keras.Model, input_name: str, modality: str, embed_dim: int, policy: Any) -> keras.Model:
    """Encoder, bias-free projection of its pooled output, and L2 norm in float32."""
    inputs = inputs_like(encoder)
    if set(inputs) != {input_name}:
        raise ValueError(f"{modality}_encoder must have one input named {input_name}, received {sorted(inputs)}")
    if None in inputs[input_name].shape[1:]:
        raise ValueError(
            f"{modality}_encoder must have a fixed input shape, received {tuple(inputs[input_name].shape)}"
        )
    encoded = encoder(inputs)
    if not isinstance(encoded, dict) or "pooled" not in encoded:
        raise ValueError(f"{modality}_encoder must return a dictionary with 'pooled', received {encoded!r}")
    start = keras.initializers.RandomNormal(stddev=encoded["pooled"].shape[-1] ** -0.5)
    project = keras.layers.Dense(embed_dim, use_bias=False, kernel_initializer=start, dtype=policy, name="projection")
    normalize = keras.layers.UnitNormalization(dtype="float32", name=f"{modality}_embeds")
    embeds = normalize(project(encoded["pooled"]))
    return keras.Model(inputs, {f"{modality}_embeds": embeds}, name=f"{modality}_tower")


def inputs_like(model: keras.Model) -> dict[str, Any]:
    """Fresh Keras inputs with the names, shapes and dtypes of the model's."""
    return {x.name: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name) for x in model.inputs}
