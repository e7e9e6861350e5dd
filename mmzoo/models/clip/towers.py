"""What becomes of an encoder on its way into a CLIP."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.encoders.contract import inputs_like

PROJECTIONS = ("linear", "affine", "none")


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
