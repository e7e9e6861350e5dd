"""CLIP as Hugging Face's transformers keeps it, OpenAI's, LAION's and MetaCLIP's alike."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import keras

from mmzoo.encoders.describing import named, text_sizes, vit_sizes
from mmzoo.models.clip import CLIP
from mmzoo.presets import ClipPreset, ImagePreprocessing
from mmzoo.pretrained.families.config import (
    section,
    stated_text,
    stated_vision,
    token_id,
    transformer_fields,
    whole_numbers,
)
from mmzoo.pretrained.families.family import Family
from mmzoo.pretrained.families.naming import HUGGING_FACE, blocks, dense, norm
from mmzoo.pretrained.links import Link

_TEXT = {
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_attention_heads": 8,
    "vocab_size": 49408,
    "max_position_embeddings": 77,
}
_ARGMAX = 2  # the eos_token_id that old files have, which means the highest id of a row


def sizes(config: Mapping[str, Any], names: Collection[str]) -> ClipPreset:
    """The sizes that config.json names, with transformers' own defaults."""
    text, vision = section(config, "text_config"), section(config, "vision_config")
    end = token_id(text, "eos_token_id", 49407)
    return ClipPreset(
        embed_dim=whole_numbers(config, {"projection_dim": 512})["projection_dim"],
        image=stated_vision(vision, patch_size=32, hidden_act="quick_gelu", layer_norm_eps=1e-5),
        text=dataclasses.replace(
            stated_text(text, _TEXT, hidden_act="quick_gelu", layer_norm_eps=1e-5),
            end_id=None if end == _ARGMAX else end,
        ),
    )


def config(model: keras.Model) -> dict[str, Any] | None:
    """The config.json of a CLIP with a vision and a text transformer. Raises ValueError for an end of text that it cannot say."""
    if not isinstance(model, CLIP) or model.loss_name != "softmax":
        return None
    image, text = vit_sizes(model.image_encoder), text_sizes(model.text_encoder)
    expressible = (
        image is not None
        and text is not None
        and (model.image_projection, model.text_projection) == ("linear", "linear")
        and isinstance(image.image_size, int)
        and (image.pooling, image.norm_first, image.patch_bias, image.pooler) == ("class_token", True, False, False)
        and (text.causal, text.pooling, text.mask_rule) == (True, "end_of_text", "none")
    )
    if not expressible or image is None or text is None:
        return None
    if text.end_id == _ARGMAX:
        raise ValueError(
            f"the end of text must have another id than {_ARGMAX} for transformers, which takes the highest id of a row for "
            "the end where eos_token_id is 2: format='open_clip' has no such rule"
        )
    return {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": model.embed_dim,
        "logit_scale_init_value": 2.6592,
        "text_config": transformer_fields(text)
        | {
            "model_type": "clip_text_model",
            "vocab_size": text.vocab_size,
            "max_position_embeddings": text.context_length,
            "projection_dim": model.embed_dim,
            "eos_token_id": _ARGMAX if text.end_id is None else text.end_id,
        }
        | special_ids(model),
        "vision_config": transformer_fields(image)
        | {
            "model_type": "clip_vision_model",
            "image_size": image.image_size,
            "patch_size": image.patch_size,
            "num_channels": 3,
            "projection_dim": model.embed_dim,
        },
    }


def special_ids(model: CLIP) -> dict[str, int]:
    """The ids that config.json repeats from the tokenizer, as far as it has them: SigLIP's has no start."""
    ids: dict[str, int] = {}
    if model.tokenizer is None:
        return ids
    for key, role in (("pad_token_id", "pad_id"), ("bos_token_id", "start_id")):
        with contextlib.suppress(ValueError):
            ids[key] = getattr(model.tokenizer, role)
    return ids


def links(model: CLIP, names: Collection[str] = ()) -> list[Link]:
    """Every tensor of CLIPModel."""
    return [
        Link("logit_scale", (model.logit_scale.log_scale,)),
        *vision_links(model.image_encoder, "vision_model"),
        *text_links(model.text_encoder, "text_model"),
        *dense(named(model.image_tower, "projection"), "visual_projection"),
        *dense(named(model.text_tower, "projection"), "text_projection"),
    ]


def vision_links(encoder: keras.Model, prefix: str) -> list[Link]:
    """The vision transformer of CLIP and SigLIP, without what SigLIP pools with."""
    embedding = named(encoder, "patch_embedding")
    first = named(encoder, "first_norm")
    links = [
        Link(f"{prefix}.embeddings.patch_embedding.weight", (embedding.projection.kernel,), "conv"),
        Link(f"{prefix}.embeddings.position_embedding.weight", (embedding.positions,)),
        *blocks(encoder, f"{prefix}.encoder.layers", HUGGING_FACE),
        *norm(named(encoder, "final_norm"), f"{prefix}.post_layernorm"),
    ]
    if embedding.use_bias:
        links.append(Link(f"{prefix}.embeddings.patch_embedding.bias", (embedding.projection.bias,)))
    if embedding.class_embedding is not None:
        links.append(Link(f"{prefix}.embeddings.class_embedding", (embedding.class_embedding,)))
    return links + ([] if first is None else norm(first, f"{prefix}.pre_layrnorm"))


def text_links(encoder: keras.Model, prefix: str) -> list[Link]:
    """The text transformer of CLIP and SigLIP."""
    embedding = named(encoder, "token_embedding")
    return [
        Link(f"{prefix}.embeddings.token_embedding.weight", (embedding.tokens,)),
        Link(f"{prefix}.embeddings.position_embedding.weight", (embedding.positions,)),
        *blocks(encoder, f"{prefix}.encoder.layers", HUGGING_FACE),
        *norm(named(encoder, "final_norm"), f"{prefix}.final_layer_norm"),
    ]


FAMILY = Family(
    name="CLIP",
    format="hf",
    model_types=("clip",),
    sizes=sizes,
    config=config,
    links=links,
    preprocessing=lambda size: ImagePreprocessing(size, crop_rounding="down"),
    tokenizer="openai/clip-vit-base-patch32",
    ignored=lambda name: name.endswith(".embeddings.position_ids"),
)
