"""CLIP as open_clip keeps it, with a vision transformer or OpenAI's residual network for pictures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import keras

from mmzoo.encoders.describing import clip_resnet_sizes, named, text_sizes, vit_sizes
from mmzoo.models.clip import CLIP
from mmzoo.presets import ClipPreset, ClipResNetSizes, ImagePreprocessing, TextSizes, ViTSizes
from mmzoo.pretrained.families.config import epsilon, hidden, image_size, require, section, whole_numbers
from mmzoo.pretrained.families.family import Family
from mmzoo.pretrained.families.naming import OPEN_CLIP, batch_norm, blocks, convolution, dense, norm
from mmzoo.pretrained.links import Link
from mmzoo.tokenizer import Tokenizer

# What would make another network of it, and the values that do not.
_SAME_BLOCKS: dict[str, Any] = {
    "ls_init_value": None,
    "block_type": None,
    "qk_norm": False,
    "scaled_cosine_attn": False,
    "scale_heads": False,
    "scale_attn_inner": False,
    "scale_attn": False,
    "scale_fc": False,
    "final_ln_after_pool": False,
}
_SAME_VISION = _SAME_BLOCKS | {
    "timm_model_name": None,
    "attentional_pool": False,
    "pos_embed_type": "learnable",
    "pool_type": "tok",
}
_SAME_TEXT = _SAME_BLOCKS | {"hf_model_name": None, "embed_cls": False, "proj_type": "linear"}
_POOLINGS = {"argmax": "end_of_text", "eos": "end_of_text", "last": "last", "first": "first"}


def sizes(config: Mapping[str, Any], names: Collection[str]) -> ClipPreset:
    """The sizes that open_clip_config.json names, with open_clip's own defaults."""
    model = section(config, "model_cfg")
    if "multimodal_cfg" in model:
        raise ValueError("model_cfg must be a CLIP: mmzoo has no layer for the multimodal_cfg of a CoCa")
    vision, text = section(model, "vision_cfg"), section(model, "text_cfg")
    require(vision, **_SAME_VISION)
    require(text, **_SAME_TEXT)
    quick = "quick_gelu" if model.get("quick_gelu", False) else "gelu"
    image = _vit(vision, quick) if not isinstance(vision.get("layers"), (list, tuple)) else _resnet(vision)
    return ClipPreset(
        embed_dim=whole_numbers(model, {"embed_dim": 512})["embed_dim"],
        image=image,
        text=_text(text, quick),
        loss="sigmoid" if "logit_bias" in names else "softmax",
        image_projection="affine" if isinstance(image, ClipResNetSizes) else "linear",
        text_projection="affine" if text.get("proj_bias", False) else "linear",
    )


def _vit(vision: Mapping[str, Any], quick: str) -> ViTSizes:
    values = whole_numbers(vision, {"layers": 12, "width": 768, "head_width": 64, "patch_size": 16})
    return ViTSizes(
        image_size(vision),
        values["patch_size"],
        values["width"],
        values["layers"],
        values["width"] // values["head_width"],
        _activation(vision, quick),
        hidden(values["width"], int(values["width"] * vision.get("mlp_ratio", 4.0))),
        norm_first=not vision.get("no_ln_pre", False),
        epsilon=_epsilon(vision),
    )


def _resnet(vision: Mapping[str, Any]) -> ClipResNetSizes:
    values = whole_numbers(vision, {"width": 64, "head_width": 64})
    depths = tuple(whole_numbers({"layers": depth}, {"layers": 1})["layers"] for depth in vision["layers"])
    return ClipResNetSizes(image_size(vision), values["width"], depths, 32 * values["width"] // values["head_width"])


def _text(text: Mapping[str, Any], quick: str) -> TextSizes:
    values = whole_numbers(
        text, {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12, "eos_id": 2}
    )
    rule = text.get("pool_type", "argmax")
    if rule not in _POOLINGS:
        raise ValueError(f"pool_type of text_cfg must be one of {', '.join(_POOLINGS)}, received {rule!r}")
    return TextSizes(
        values["vocab_size"],
        values["context_length"],
        values["width"],
        values["layers"],
        values["heads"],
        _activation(text, quick),
        hidden(values["width"], int(values["width"] * text.get("mlp_ratio", 4.0))),
        causal=not text.get("no_causal_mask", False),
        pooling=_POOLINGS[rule],
        end_id=values["eos_id"] if rule == "eos" else None,
        epsilon=_epsilon(text),
    )


def _activation(tower: Mapping[str, Any], quick: str) -> str:
    arguments = tower.get("act_kwargs") or {}
    if arguments not in ({}, {"approximate": "tanh"}) or (arguments and quick == "quick_gelu"):
        raise ValueError(f'act_kwargs must be {{"approximate": "tanh"}} or nothing, received {arguments!r}')
    return "gelu_tanh" if arguments else quick


def _epsilon(tower: Mapping[str, Any]) -> float:
    arguments = tower.get("norm_kwargs") or {}
    if set(arguments) - {"eps"}:
        raise ValueError(f'norm_kwargs must be {{"eps": ...}} or nothing, received {arguments!r}')
    return epsilon(arguments, 1e-5, "eps")


def config(model: keras.Model) -> dict[str, Any] | None:
    """The model_cfg of a CLIP whose pictures go through a ViT or CLIP's ResNet."""
    if not isinstance(model, CLIP):
        return None
    text, vit, resnet = (
        text_sizes(model.text_encoder),
        vit_sizes(model.image_encoder),
        clip_resnet_sizes(model.image_encoder),
    )
    if text is None or text.mask_rule != "none" or text.pooling == "mean" or model.text_projection == "none":
        return None
    activations = {text.activation} if vit is None else {text.activation, vit.activation}
    if "quick_gelu" in activations and len(activations) > 1:
        return None
    if vit is not None:
        if (vit.pooling, vit.patch_bias, vit.pooler, model.image_projection) != ("class_token", False, False, "linear"):
            return None
        vision = _vit_config(vit)
    elif resnet is not None and model.image_projection == "affine":
        vision = {
            "image_size": resnet.image_size,
            "layers": list(resnet.depths),
            "width": resnet.width,
            "head_width": 32 * resnet.width // resnet.num_heads,
        }
    else:
        return None
    bias = {"init_logit_bias": -10} if model.loss_name == "sigmoid" else {}
    quick = {"quick_gelu": True} if "quick_gelu" in activations else {}
    # open_clip reads the text side as a module of its own where it is more than CLIP's.
    custom = {} if text.causal and text.pooling == "end_of_text" and text.end_id is None else {"custom_text": True}
    towers = {"vision_cfg": vision, "text_cfg": _text_config(text, model)}
    return {"model_cfg": {"embed_dim": model.embed_dim, **quick, **bias, **custom, **towers}}


def _vit_config(sizes: ViTSizes) -> dict[str, Any]:
    return _tower_config(sizes) | {
        "image_size": sizes.image_size,
        "patch_size": sizes.patch_size,
        "head_width": sizes.width // sizes.num_heads,
        **({} if sizes.norm_first else {"no_ln_pre": True}),
    }


def _text_config(sizes: TextSizes, model: CLIP) -> dict[str, Any]:
    rule = "argmax" if sizes.pooling == "end_of_text" else sizes.pooling
    return _tower_config(sizes) | {
        "context_length": sizes.context_length,
        "vocab_size": sizes.vocab_size,
        "heads": sizes.num_heads,
        **({} if sizes.causal else {"no_causal_mask": True}),
        **({} if sizes.end_id is None else {"eos_id": sizes.end_id}),
        **(
            {}
            if rule == "argmax" and sizes.end_id is None
            else {"pool_type": "eos" if sizes.end_id is not None else rule}
        ),
        **({"proj_bias": True} if model.text_projection == "affine" else {}),
        # Without this open_clip takes CLIP's own tokenizer; from a folder it reads the one beside the weights.
        **({} if model.tokenizer is None or _is_clips(model.tokenizer) else {"hf_tokenizer_name": "."}),
    }


def _is_clips(tokenizer: Tokenizer) -> bool:
    """Whether it has the sizes and ends of CLIP's published tokenizer."""
    return (tokenizer.vocab_size, tokenizer.end_id) == (49408, 49407)


def _tower_config(sizes: ViTSizes | TextSizes) -> dict[str, Any]:
    return {
        "width": sizes.width,
        "layers": sizes.depth,
        **({} if sizes.mlp_dim is None else {"mlp_ratio": sizes.mlp_dim / sizes.width}),
        **({} if sizes.activation != "gelu_tanh" else {"act_kwargs": {"approximate": "tanh"}}),
        **({} if sizes.epsilon == 1e-5 else {"norm_kwargs": {"eps": sizes.epsilon}}),
    }


def links(model: CLIP, names: Collection[str] = ()) -> list[Link]:
    """Every tensor of open_clip's CLIP, or of its CustomTextCLIP where the names or the model are such."""
    written = config(model) if not names else None
    custom = "text.token_embedding.weight" in names or (written is not None and "custom_text" in written["model_cfg"])
    visual = _resnet_links if clip_resnet_sizes(model.image_encoder) else _vit_links
    bias = model.logit_scale.bias
    return [
        Link("logit_scale", (model.logit_scale.log_scale,)),
        *([] if bias is None else [Link("logit_bias", (bias,))]),
        *visual(model),
        *_text_links(model, "text." if custom else ""),
    ]


def _vit_links(model: CLIP) -> list[Link]:
    encoder = model.image_encoder
    embedding, first = named(encoder, "patch_embedding"), named(encoder, "first_norm")
    return [
        *convolution(embedding.projection, "visual.conv1"),
        Link("visual.class_embedding", (embedding.class_embedding,)),
        Link("visual.positional_embedding", (embedding.positions,)),
        *([] if first is None else norm(first, "visual.ln_pre")),
        *blocks(encoder, "visual.transformer.resblocks", OPEN_CLIP),
        *norm(named(encoder, "final_norm"), "visual.ln_post"),
        Link("visual.proj", (named(model.image_tower, "projection").kernel,)),
    ]


def _resnet_links(model: CLIP) -> list[Link]:
    encoder = model.image_encoder
    pooling, sizes = named(encoder, "pooling"), clip_resnet_sizes(encoder)
    pairs = [(f"stem_{part}", f"visual.conv{part + 1}", f"visual.bn{part + 1}") for part in range(3)]
    for stage, depth in enumerate(sizes.depths if sizes else ()):
        for index in range(depth):
            ours, theirs = f"stage_{stage}_block_{index}", f"visual.layer{stage + 1}.{index}"
            pairs += [(f"{ours}_{part}", f"{theirs}.conv{part + 1}", f"{theirs}.bn{part + 1}") for part in range(3)]
            if named(encoder, f"{ours}_shortcut_conv") is not None:
                pairs.append((f"{ours}_shortcut", f"{theirs}.downsample.0", f"{theirs}.downsample.1"))
    links = [Link("visual.attnpool.positional_embedding", (pooling.positions,))]
    for ours, theirs, normed in pairs:
        links += [
            *convolution(named(encoder, f"{ours}_conv"), theirs),
            *batch_norm(named(encoder, f"{ours}_norm"), normed),
        ]
    for part, name in ((pooling.query, "q_proj"), (pooling.key, "k_proj"), (pooling.value, "v_proj")):
        links += dense(part, f"visual.attnpool.{name}")
    return links + dense(named(model.image_tower, "projection"), "visual.attnpool.c_proj")


def _text_links(model: CLIP, prefix: str) -> list[Link]:
    embedding = named(model.text_encoder, "token_embedding")
    projection = named(model.text_tower, "projection")
    name = f"{prefix}text_projection"
    return [
        Link(f"{prefix}token_embedding.weight", (embedding.tokens,)),
        Link(f"{prefix}positional_embedding", (embedding.positions,)),
        *blocks(model.text_encoder, f"{prefix}transformer.resblocks", OPEN_CLIP),
        *norm(named(model.text_encoder, "final_norm"), f"{prefix}ln_final"),
        *(dense(projection, name) if model.text_projection == "affine" else [Link(name, (projection.kernel,))]),
    ]


def _pad_id(config: Mapping[str, Any]) -> int | None:
    """open_clip's own tokenizer pads with zeros, those it takes from the hub with their own pad."""
    text = section(section(config, "model_cfg"), "text_cfg")
    return None if text.get("hf_tokenizer_name") else 0


FAMILY = Family(
    name="open_clip",
    format="open_clip",
    model_types=(),
    sizes=sizes,
    config=config,
    links=links,
    preprocessing=lambda size: ImagePreprocessing(size),
    tokenizer="openai/clip-vit-base-patch32",
    pad_id=_pad_id,
    ignored=lambda name: name.endswith((".num_batches_tracked", "attn_mask")),
)
