"""A text-to-image model as what reads and what draws, and as one program from token ids to pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from mmzoo.encoders.contract import token_ids_spec
from mmzoo.signature import Part, RawPictures, RawTexts, TensorSpec

_NOISE = (-2.0, 2.0)
"""Normal numbers have no range; samples drawn from this one look like them. The graph draws none: whoever gives the noise has the seed."""


def parts_of_text_to_image(model: Any) -> dict[str, Part]:
    """What draws is the averaged generator; noise is an input of all that draws, so that one seed gives one picture everywhere.

    text_reader: token_ids (B, T) int32 -> text (B, E); with word attention also words (B, T, D) and mask (B, T).
    generator: noise (B, noise_dim), and those -> images (B, S, S, 3) float32 in [0, 255].
    text_to_image: noise, token_ids -> images (B, S, S, 3) uint8, rounded as generate does.
    text_to_image_png: the same as PNG files, png_bytes (B,), for SavedModels; of strings where the model has a tokenizer.
    """
    reader, generator = model.text_reader, model.averaged_generator
    levels = ops.cast(ops.clip(ops.round(model.output["images"]), 0, 255), "uint8")
    noise, token_ids = TensorSpec("noise", (None, model.noise_dim), "float32", _NOISE), token_ids_spec(reader)
    raw = () if model.tokenizer is None else (RawTexts("token_ids", model.tokenizer, model.context_length),)
    read = {name: tensor for name, tensor in generator.input.items() if name != "noise"}
    return {
        "text_reader": Part(reader, (token_ids,), any_size=True),
        "generator": Part(generator, (noise, *_specs(read)), any_size=True, pictures=("images",)),
        "text_to_image": Part(
            keras.Model(model.input, {"images": levels}, name="text_to_image"),
            (noise, token_ids),
            raw,
            pictures=("images",),
        ),
        "text_to_image_png": Part(
            keras.Model(model.input, {"png_bytes": levels}, name="text_to_image_png"),
            (noise, token_ids),
            raw,
            pictures=("png_bytes",),
            raw_output=RawPictures("png_bytes"),
        ),
    }


def _specs(inputs: Mapping[str, Any]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name, (None, *tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype))
        for name, tensor in inputs.items()
    )
