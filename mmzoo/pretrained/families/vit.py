"""ViT as Hugging Face's transformers keeps it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import keras

from mmzoo.encoders.describing import named, vit_sizes
from mmzoo.presets import HALF, ImagePreprocessing, ViTSizes
from mmzoo.pretrained.families.config import require, stated_vision, transformer_fields
from mmzoo.pretrained.families.family import Family
from mmzoo.pretrained.families.naming import BlockNames, blocks, convolution, dense, norm
from mmzoo.pretrained.links import Link

_NAMES = BlockNames(
    "layernorm_before",
    ("attention.attention.query", "attention.attention.key", "attention.attention.value"),
    "attention.output.dense",
    "layernorm_after",
    "intermediate.dense",
    "output.dense",
)
_PREFIX = "vit."  # in the files of a ViT with a task's head


def sizes(config: Mapping[str, Any], names: Collection[str]) -> ViTSizes:
    """The sizes that config.json names, with transformers' own defaults; a pooler where the file has one."""
    require(config, qkv_bias=True, pooler_act="tanh")
    vit = stated_vision(config, patch_size=16, hidden_act="gelu", layer_norm_eps=1e-12)
    if config.get("pooler_output_size") is not None:
        require(config, pooler_output_size=vit.width)
    pooler = any(name.endswith("pooler.dense.weight") for name in names)
    return dataclasses.replace(vit, norm_first=False, patch_bias=True, pooler=pooler, mean=HALF, std=HALF)


def config(model: keras.Model) -> dict[str, Any] | None:
    """The config.json of an encoder of build_vit with these details."""
    sizes = vit_sizes(model)
    if sizes is None or (sizes.pooling, sizes.norm_first, sizes.patch_bias) != ("class_token", False, True):
        return None
    return transformer_fields(sizes) | {
        "architectures": ["ViTModel"],
        "model_type": "vit",
        "image_size": sizes.image_size,
        "patch_size": sizes.patch_size,
        "num_channels": 3,
        "qkv_bias": True,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }


def links(model: keras.Model, names: Collection[str] = ()) -> list[Link]:
    """Every tensor of ViTModel."""
    prefix = _PREFIX if any(name.startswith(_PREFIX) for name in names) else ""
    embedding, pooler = named(model, "patch_embedding"), named(model, "pooler")
    positions = (1, *embedding.positions.shape)
    return [
        Link(f"{prefix}embeddings.cls_token", (embedding.class_embedding,), shape=(1, 1, embedding.width)),
        Link(f"{prefix}embeddings.position_embeddings", (embedding.positions,), shape=positions),
        *convolution(embedding.projection, f"{prefix}embeddings.patch_embeddings.projection"),
        *blocks(model, f"{prefix}encoder.layer", _NAMES),
        *norm(named(model, "final_norm"), f"{prefix}layernorm"),
        *([] if pooler is None else dense(pooler, f"{prefix}pooler.dense")),
    ]


FAMILY = Family(
    name="ViT",
    format="hf",
    model_types=("vit",),
    sizes=sizes,
    config=config,
    links=links,
    preprocessing=lambda size: ImagePreprocessing(size, interpolation="bilinear", fit="squash"),
    left_out=lambda name: name.startswith(("classifier.", "decoder.")) or name.endswith("embeddings.mask_token"),
)
