"""SigLIP as Hugging Face's transformers keeps it, and SigLIP 2 at a fixed resolution, which has the same network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import keras

from mmzoo.encoders.describing import named, text_sizes, vit_sizes
from mmzoo.models.clip import CLIP
from mmzoo.presets import HALF, ClipPreset, ImagePreprocessing, TextSizes, ViTSizes
from mmzoo.pretrained.families.clip import special_ids, text_links, vision_links
from mmzoo.pretrained.families.config import (
    activation,
    epsilon,
    hidden,
    require,
    section,
    transformer_fields,
    whole_numbers,
)
from mmzoo.pretrained.families.family import Family
from mmzoo.pretrained.families.naming import attention_pooling, dense
from mmzoo.pretrained.links import Link


def sizes(config: Mapping[str, Any], names: Collection[str]) -> ClipPreset:
    """The sizes that config.json names, with transformers' own defaults."""
    text, vision = section(config, "text_config"), section(config, "vision_config")
    require(vision, num_channels=3, vision_use_head=True)
    v = whole_numbers(
        vision,
        {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "image_size": 224,
            "patch_size": 16,
        },
    )
    t = whole_numbers(
        text,
        {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "vocab_size": 32000,
            "max_position_embeddings": 64,
        },
    )
    embed_dim = text.get("projection_size") or t["hidden_size"]
    if embed_dim != v["hidden_size"]:
        raise ValueError(
            f"projection_size must be the hidden_size {v['hidden_size']} of vision_config, which has no projection, "
            f"received {embed_dim}"
        )
    return ClipPreset(
        embed_dim=embed_dim,
        image=ViTSizes(
            v["image_size"],
            v["patch_size"],
            v["hidden_size"],
            v["num_hidden_layers"],
            v["num_attention_heads"],
            activation(vision, default="gelu_pytorch_tanh"),
            hidden(v["hidden_size"], v["intermediate_size"]),
            pooling="attention",
            norm_first=False,
            patch_bias=True,
            epsilon=epsilon(vision, 1e-6),
            mean=HALF,
            std=HALF,
        ),
        text=TextSizes(
            t["vocab_size"],
            t["max_position_embeddings"],
            t["hidden_size"],
            t["num_hidden_layers"],
            t["num_attention_heads"],
            activation(text, default="gelu_pytorch_tanh"),
            hidden(t["hidden_size"], t["intermediate_size"]),
            causal=False,
            pooling="last",
            epsilon=epsilon(text, 1e-6),
        ),
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
