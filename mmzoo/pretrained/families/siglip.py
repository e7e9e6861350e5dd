"""SigLIP as Hugging Face's transformers keeps it, and SigLIP 2 at a fixed resolution, which has the same network."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import keras

from mmzoo.encoders.describing import named, text_sizes, vit_sizes
from mmzoo.models.clip import CLIP
from mmzoo.presets import HALF, ClipPreset, ImagePreprocessing
from mmzoo.pretrained.families.clip import special_ids, text_links, vision_links
from mmzoo.pretrained.families.config import require, section, stated_text, stated_vision, transformer_fields
from mmzoo.pretrained.families.family import Family
from mmzoo.pretrained.families.naming import attention_pooling, dense
from mmzoo.pretrained.links import Link

_TEXT = {"vocab_size": 32000, "max_position_embeddings": 64}


def sizes(config: Mapping[str, Any], names: Collection[str]) -> ClipPreset:
    """The sizes that config.json names, with transformers' own defaults."""
    text, vision = section(config, "text_config"), section(config, "vision_config")
    require(vision, vision_use_head=True)
    image = stated_vision(vision, patch_size=16, hidden_act="gelu_pytorch_tanh", layer_norm_eps=1e-6)
    texts = stated_text(text, _TEXT, hidden_act="gelu_pytorch_tanh", layer_norm_eps=1e-6)
    embed_dim = text.get("projection_size") or texts.width
    if embed_dim != image.width:
        raise ValueError(
            f"projection_size must be the hidden_size {image.width} of vision_config, which has no projection, "
            f"received {embed_dim}"
        )
    return ClipPreset(
        embed_dim=embed_dim,
        image=dataclasses.replace(image, pooling="attention", norm_first=False, patch_bias=True, mean=HALF, std=HALF),
        text=dataclasses.replace(texts, causal=False, pooling="last"),
        loss="sigmoid",
        image_projection="none",
        text_projection="affine",
    )


def config(model: keras.Model) -> dict[str, Any] | None:
    """The config.json of a CLIP with SigLIP's towers and loss."""
    if not isinstance(model, CLIP) or model.loss_name != "sigmoid":
        return None
    image, text = vit_sizes(model.image_encoder), text_sizes(model.text_encoder)
    expressible = (
        image is not None
        and text is not None
        and (model.image_projection, model.text_projection) == ("none", "affine")
        and isinstance(image.image_size, int)
        and (image.pooling, image.norm_first, image.patch_bias) == ("attention", False, True)
        and (text.causal, text.pooling, text.mask_rule) == (False, "last", "none")
    )
    if not expressible or image is None or text is None:
        return None
    return {
        "architectures": ["SiglipModel"],
        "model_type": "siglip",
        "text_config": transformer_fields(text)
        | {
            "model_type": "siglip_text_model",
            "vocab_size": text.vocab_size,
            "max_position_embeddings": text.context_length,
            "projection_size": model.embed_dim,
        }
        | ({} if model.tokenizer is None else {"eos_token_id": model.tokenizer.end_id})
        | special_ids(model),
        "vision_config": transformer_fields(image)
        | {
            "model_type": "siglip_vision_model",
            "image_size": image.image_size,
            "patch_size": image.patch_size,
            "num_channels": 3,
        },
    }


def links(model: CLIP, names: Collection[str] = ()) -> list[Link]:
    """Every tensor of SiglipModel."""
    return [
        Link("logit_scale", (model.logit_scale.log_scale,), shape=(1,)),
        Link("logit_bias", (model.logit_scale.bias,), shape=(1,)),
        *vision_links(model.image_encoder, "vision_model"),
        *attention_pooling(named(model.image_encoder, "pooling"), "vision_model.head"),
        *text_links(model.text_encoder, "text_model"),
        *dense(named(model.text_tower, "projection"), "text_model.head"),
    ]


FAMILY = Family(
    name="SigLIP",
    format="hf",
    model_types=("siglip",),
    sizes=sizes,
    config=config,
    links=links,
    preprocessing=lambda size: ImagePreprocessing(size, fit="squash"),
    tokenizer="google/siglip-base-patch16-224",
    ignored=lambda name: name.endswith(".embeddings.position_ids"),
)
