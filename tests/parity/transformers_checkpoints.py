"""The checkpoints of transformers that mmzoo is compared on."""

from __future__ import annotations

from typing import Any

import peer_transformers as peer
import transformers as tf
from checkpoints import CLIP_PIXELS, HALF_PIXELS, IMAGENET_PIXELS, Captions, Checkpoint, Pixels

OTHER_PIXELS: Pixels = ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))


def clip_processor(size: int, pixels: Pixels = CLIP_PIXELS) -> dict[str, Any]:
    """preprocessor_config.json of OpenAI's repositories."""
    steps = {"do_resize": True, "do_center_crop": True, "do_normalize": True, "resample": 3}
    sizes = {"size": size, "crop_size": size, "image_mean": list(pixels[0]), "image_std": list(pixels[1])}
    return {"feature_extractor_type": "CLIPFeatureExtractor", **steps, **sizes}


def square_processor(kind: str, size: int, resample: int) -> dict[str, Any]:
    """preprocessor_config.json of SigLIP's and ViT's repositories."""
    steps = {"do_resize": True, "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255}
    sizes = {
        "resample": resample,
        "size": {"height": size, "width": size},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    return {"image_processor_type": kind, **steps, **sizes}


def resnet_processor(size: int) -> dict[str, Any]:
    """preprocessor_config.json of Microsoft's ResNets, which is where their image size is."""
    steps = {"do_resize": True, "do_normalize": True, "crop_pct": 0.875, "resample": 3, "size": size}
    colours = {"image_mean": list(IMAGENET_PIXELS[0]), "image_std": list(IMAGENET_PIXELS[1])}
    return {"feature_extractor_type": "ConvNextFeatureExtractor", **steps, **colours}


def layers(width: int, heads: int, depth: int, mlp: int | None = None, **others: Any) -> dict[str, Any]:
    sizes = {"hidden_size": width, "num_attention_heads": heads, "num_hidden_layers": depth}
    return {**sizes, "intermediate_size": mlp or 4 * width, **others}


def clip(
    name: str,
    vision: dict[str, Any],
    text: dict[str, Any],
    captions: Captions,
    *,
    eos_id: int,
    embed_dim: int = 12,
    pixels: Pixels = CLIP_PIXELS,
    save: peer.Save | None = None,
    is_golden: bool = False,
    is_large: bool = False,
) -> Checkpoint:
    ids = {"bos_token_id": 1, "eos_token_id": eos_id, "pad_token_id": captions.pad}
    text = {**text, **ids, "vocab_size": captions.vocab_size, "max_position_embeddings": captions.length}
    text, vision = ({**part, "projection_dim": embed_dim} for part in (text, vision))
    size = vision["image_size"]
    return Checkpoint(
        name,
        build=lambda: tf.CLIPModel(tf.CLIPConfig(text_config=text, vision_config=vision, projection_dim=embed_dim)),
        save=save or peer.saving(clip_processor(size, pixels)),
        load=peer.loading(tf.CLIPModel),
        run=peer.run_both,
        meaning=peer.meaning,
        image_size=size,
        pixels=pixels,
        captions=captions,
        is_golden=is_golden,
        is_large=is_large,
    )


def clips() -> list[Checkpoint]:
    old, new = Captions(99, 12, "highest", end=98), Captions(99, 12, "first", end=50, pad=50)
    small, processor = {"image_size": 18, "patch_size": 6}, clip_processor(18)
    quick, exact = {"hidden_act": "quick_gelu"}, {"hidden_act": "gelu"}
    vision, text = layers(16, 4, 2, **small, **quick), layers(16, 2, 1, **quick)
    exact_vision, exact_text = layers(16, 2, 1, **small, **exact), layers(16, 2, 2, **exact)
    plain, by_tensor = peer.saving(processor), peer.saving(processor, shard="20KB")
    half, brain = peer.saving(processor, dtype="float16"), peer.saving(processor, dtype="bfloat16")
    wide = {
        "vision": layers(16, 4, 1, 40, image_size=28, patch_size=7, layer_norm_eps=1e-3, **exact),
        "text": layers(24, 3, 1, 56, layer_norm_eps=1e-4, **quick),
    }
    metaclip = Captions(99, 12, "first", end=98, pad=0)
    return [
        clip("clip_quick_gelu_old_end", vision, text, old, eos_id=2, is_golden=True),
        clip("clip_gelu_own_end", exact_vision, exact_text, new, eos_id=50, is_golden=True),
        clip("clip_other_sizes", **wide, captions=new, eos_id=50, embed_dim=20, pixels=OTHER_PIXELS, is_golden=True),
        clip("clip_metaclip", vision, text, metaclip, eos_id=98, save=peer.without_defaults(plain)),
        clip("clip_config_dicts", vision, text, old, eos_id=2, save=peer.with_config_dicts(plain)),
        clip("clip_float16", vision, text, old, eos_id=2, save=half, is_golden=True),
        clip("clip_bfloat16", vision, text, new, eos_id=50, save=brain, is_golden=True),
        clip("clip_sharded", vision, text, new, eos_id=50, save=by_tensor, is_golden=True),
        clip(
            "clip_position_buffers",
            vision,
            text,
            old,
            eos_id=2,
            save=peer.changing_tensors(plain, peer.position_buffers),
        ),
        clip(
            "clip_vit_b_32",
            {"image_size": 224},
            {},
            Captions(49408, 77, "highest", end=49407, pad=49407),
            eos_id=2,
            embed_dim=512,
            save=peer.with_real_tokenizer(peer.without_defaults(peer.saving(clip_processor(224)))),
            is_large=True,
        ),
    ]


def siglip(
    name: str,
    vision: dict[str, Any],
    text: dict[str, Any],
    captions: Captions,
    save: peer.Save,
    *,
    is_golden: bool = False,
) -> Checkpoint:
    ids = {"bos_token_id": None, "eos_token_id": 1, "pad_token_id": captions.pad}
    text = {**text, **ids, "vocab_size": captions.vocab_size, "max_position_embeddings": captions.length}
    text["projection_size"] = vision["hidden_size"]
    return Checkpoint(
        name,
        build=lambda: tf.SiglipModel(tf.SiglipConfig(text_config=text, vision_config=vision)),
        save=save,
        load=peer.loading(tf.SiglipModel),
        run=peer.run_both,
        meaning=peer.meaning,
        image_size=vision["image_size"],
        pixels=HALF_PIXELS,
        captions=captions,
        is_golden=is_golden,
    )


def siglips() -> list[Checkpoint]:
    one, two = Captions(99, 12, "padded", pad=1), Captions(120, 16, "padded", pad=0)
    tanh = {"hidden_act": "gelu_pytorch_tanh"}
    base, text = layers(16, 2, 1, image_size=18, patch_size=6, **tanh), layers(16, 2, 1, **tanh)
    other = layers(24, 3, 1, 50, image_size=42, patch_size=14, layer_norm_eps=1e-4, hidden_act="gelu")
    so400m = layers(16, 2, 1, 60, image_size=28, patch_size=7, **tanh)
    save = peer.saving(square_processor("SiglipImageProcessor", 18, 3))
    return [
        siglip("siglip_base", base, text, one, save, is_golden=True),
        siglip("siglip_no_defaults", base, text, one, peer.without_defaults(save)),
        siglip(
            "siglip_other_sizes",
            other,
            layers(32, 4, 1, 40, hidden_act="gelu"),
            two,
            peer.saving(square_processor("SiglipImageProcessor", 42, 3)),
        ),
        siglip(
            "siglip_so400m_ratio",
            so400m,
            layers(16, 2, 1, 60, **tanh),
            one,
            peer.saving(square_processor("SiglipImageProcessor", 28, 3), dtype="float16"),
        ),
        siglip("siglip2_base", base, text, two, peer.saving(square_processor("SiglipImageProcessor", 18, 2))),
    ]


def encoders() -> list[Checkpoint]:
    texts = {"meaning": peer.meaning, "run": peer.run_bert, "captions": Captions(60, 12, "padded", pad=0)}
    short = {"meaning": peer.meaning, "run": peer.run_bert, "captions": Captions(60, 9, "padded", pad=3)}
    pictures = {"meaning": peer.meaning, "run": peer.run_vit, "pixels": HALF_PIXELS}
    maps = {"meaning": peer.meaning, "run": peer.run_resnet, "pixels": IMAGENET_PIXELS}
    bert = tf.BertConfig(**layers(16, 2, 2), vocab_size=60, max_position_embeddings=12)
    other_bert = tf.BertConfig(
        **layers(24, 3, 1, 50, hidden_act="gelu_new", layer_norm_eps=1e-6),
        vocab_size=60,
        max_position_embeddings=9,
        type_vocab_size=1,
        pad_token_id=3,
    )
    vit = tf.ViTConfig(**layers(16, 4, 2), image_size=24, patch_size=6)
    other_vit = tf.ViTConfig(**layers(16, 4, 1, 40, layer_norm_eps=1e-5), image_size=30, patch_size=10, num_labels=5)
    sizes = {"embedding_size": 6, "hidden_sizes": [8, 12, 16]}
    bottleneck = tf.ResNetConfig(**sizes, depths=[2, 1, 2], layer_type="bottleneck")
    basic = tf.ResNetConfig(**sizes, depths=[1, 2, 1], layer_type="basic", downsample_in_first_stage=True)
    in_bottleneck = tf.ResNetConfig(
        **sizes, depths=[1, 1, 2], downsample_in_bottleneck=True, hidden_act="gelu", num_labels=5
    )
    vit_24, vit_30 = square_processor("ViTImageProcessor", 24, 2), square_processor("ViTImageProcessor", 30, 2)
    resnet_33, resnet_40 = peer.saving(resnet_processor(33)), peer.saving(resnet_processor(40))
    plain, no_pooler = peer.saving(), {"add_pooling_layer": False}
    named_first = peer.changing_tensors(plain, peer.first_names)
    bert_load, bare_bert = peer.loading(tf.BertModel), peer.loading(tf.BertModel, **no_pooler)
    bare_vit, resnet_load = peer.loading(tf.ViTModel, **no_pooler), peer.loading(tf.ResNetModel)
    return [
        Checkpoint("bert", lambda: tf.BertModel(bert), plain, bert_load, **texts, is_golden=True),
        Checkpoint("bert_other_sizes", lambda: tf.BertModel(other_bert), plain, bert_load, **short),
        Checkpoint("bert_masked_words", lambda: tf.BertForMaskedLM(bert), plain, bare_bert, **texts, is_golden=True),
        Checkpoint("bert_first_names", lambda: tf.BertModel(bert), named_first, bert_load, **texts),
        Checkpoint(
            "vit",
            lambda: tf.ViTModel(vit),
            peer.saving(vit_24),
            peer.loading(tf.ViTModel),
            image_size=24,
            **pictures,
            is_golden=True,
        ),
        Checkpoint(
            "vit_classifier",
            lambda: tf.ViTForImageClassification(other_vit),
            peer.without_defaults(peer.saving(vit_30)),
            bare_vit,
            image_size=30,
            **pictures,
        ),
        Checkpoint(
            "resnet", lambda: tf.ResNetModel(bottleneck), resnet_33, resnet_load, image_size=33, **maps, is_golden=True
        ),
        Checkpoint(
            "resnet_basic", lambda: tf.ResNetModel(basic), resnet_40, resnet_load, image_size=40, **maps, is_golden=True
        ),
        Checkpoint(
            "resnet_classifier",
            lambda: tf.ResNetForImageClassification(in_bottleneck),
            resnet_33,
            resnet_load,
            image_size=33,
            **maps,
        ),
    ]


TRANSFORMERS = [*clips(), *siglips(), *encoders()]
