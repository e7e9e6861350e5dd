"""Our CLIP against transformers' (see tests/golden/make_clip.py)."""

from pathlib import Path

import numpy as np
import pytest

from mmzoo.models import build_clip
from mmzoo.presets import ClipPreset, TextSizes, ViTSizes

GOLDEN = Path(__file__).parents[1] / "golden" / "clip_tiny.npz"


def put(layer, weights, prefix):
    """Gives a dense layer, a convolution or a norm the arrays that torch has under the prefix."""
    kernel = weights[f"{prefix}.weight"]
    if kernel.ndim == 2:
        kernel = kernel.T
    elif kernel.ndim == 4:
        kernel = kernel.transpose(2, 3, 1, 0)
    bias = [weights[f"{prefix}.bias"]] if f"{prefix}.bias" in weights else []
    layer.set_weights([kernel, *bias])


def put_blocks(encoder, weights, prefix):
    for index in range(2):
        block, base = encoder.get_layer(f"block_{index}"), f"{prefix}.encoder.layers.{index}"
        for ours, theirs in (("query", "q"), ("key", "k"), ("value", "v"), ("output", "out")):
            put(getattr(block.attention, f"{ours}_dense"), weights, f"{base}.self_attn.{theirs}_proj")
        put(block.attention_norm, weights, f"{base}.layer_norm1")
        put(block.mlp_norm, weights, f"{base}.layer_norm2")
        put(block.mlp.hidden_dense, weights, f"{base}.mlp.fc1")
        put(block.mlp.output_dense, weights, f"{base}.mlp.fc2")


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.fixture(scope="module")
def clip(golden):
    weights = {name.removeprefix("weight/"): value for name, value in golden.items() if name.startswith("weight/")}
    preset = ClipPreset(16, ViTSizes(30, 6, 48, 2, 4), TextSizes(99, 12, 32, 2, 4))
    model = build_clip(preset)
    vision, text = model.image_encoder, model.text_encoder
    embedding = vision.get_layer("patch_embedding")
    put(embedding.projection, weights, "vision_model.embeddings.patch_embedding")
    embedding.class_embedding.assign(weights["vision_model.embeddings.class_embedding"])
    embedding.positions.assign(weights["vision_model.embeddings.position_embedding.weight"])
    put(vision.get_layer("first_norm"), weights, "vision_model.pre_layrnorm")
    put(vision.get_layer("final_norm"), weights, "vision_model.post_layernorm")
    put_blocks(vision, weights, "vision_model")
    text.get_layer("token_embedding").tokens.assign(weights["text_model.embeddings.token_embedding.weight"])
    text.get_layer("token_embedding").positions.assign(weights["text_model.embeddings.position_embedding.weight"])
    put(text.get_layer("final_norm"), weights, "text_model.final_layer_norm")
    put_blocks(text, weights, "text_model")
    put(model.image_tower.get_layer("projection"), weights, "visual_projection")
    put(model.text_tower.get_layer("projection"), weights, "text_projection")
    model.logit_scale.log_scale.assign(weights["logit_scale"])
    assert model.count_params() == sum(value.size for value in weights.values())
    return model


@pytest.mark.parametrize("name", ["image_embeds", "text_embeds"])
def test_embeddings_equal_transformers(clip, golden, name):
    outputs = clip({"images": golden["images"], "token_ids": golden["token_ids"]}, training=False)
    assert np.abs(np.asarray(outputs[name]) - golden[name]).max() <= 1e-5


def test_logits_equal_transformers(clip, golden):
    similarity = clip.similarity(golden["images"], golden["token_ids"])
    logits = np.asarray(clip.logit_scale(similarity))
    assert np.abs(logits - golden["logits_per_image"]).max() <= 1e-4
