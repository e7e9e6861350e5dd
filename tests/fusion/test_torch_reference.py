"""The fusions that attend against torch's own transformer layers (tests/golden/make_fusion.py), one caption without any token."""

from pathlib import Path

import numpy as np
import pytest

from mmzoo.fusion import CoAttentionFusion, CrossAttentionFusion, EarlyConcatFusion

SIZES = {"num_heads": 2, "depth": 2, "mlp_dim": 12}
FUSIONS = {
    "text": lambda: CrossAttentionFusion(8, direction="text", **SIZES),
    "image": lambda: CrossAttentionFusion(8, direction="image", **SIZES),
    "both": lambda: CrossAttentionFusion(8, direction="both", **SIZES),
    "co_attention": lambda: CoAttentionFusion(8, **SIZES),
    "early_concat": lambda: EarlyConcatFusion(8, **SIZES),
}


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parents[1] / "golden" / "fusion.npz") as file:
        return dict(file)


def inputs(golden):
    image = {"sequence": golden["image_sequence"], "pooled": golden["image_pooled"]}
    return image, {"sequence": golden["text_sequence"], "pooled": golden["text_pooled"], "mask": golden["text_mask"]}


def put_dense(layer, weights, name):
    layer.set_weights([weights[f"{name}.weight"].T, weights[f"{name}.bias"]])


def put_norm(layer, weights, name):
    layer.set_weights([weights[f"{name}.weight"], weights[f"{name}.bias"]])


def put_attention(layer, weights, name):
    kernels, biases = np.split(weights[f"{name}.in_proj_weight"], 3), np.split(weights[f"{name}.in_proj_bias"], 3)
    denses = (layer.query_dense, layer.key_dense, layer.value_dense)
    for dense, kernel, bias in zip(denses, kernels, biases, strict=True):
        dense.set_weights([kernel.T, bias])
    put_dense(layer.output_dense, weights, f"{name}.out_proj")


def put_cross_block(block, weights, name):
    put_attention(block.self_attention, weights, f"{name}.self_attn")
    put_attention(block.cross_attention, weights, f"{name}.multihead_attn")
    for norm, theirs in ((block.self_norm, "norm1"), (block.cross_norm, "norm2"), (block.mlp_norm, "norm3")):
        put_norm(norm, weights, f"{name}.{theirs}")
    put_dense(block.mlp.hidden_dense, weights, f"{name}.linear1")
    put_dense(block.mlp.output_dense, weights, f"{name}.linear2")


def put_block(block, weights, name):
    put_attention(block.attention, weights, f"{name}.self_attn")
    put_norm(block.attention_norm, weights, f"{name}.norm1")
    put_norm(block.mlp_norm, weights, f"{name}.norm2")
    put_dense(block.mlp.hidden_dense, weights, f"{name}.linear1")
    put_dense(block.mlp.output_dense, weights, f"{name}.linear2")


def with_torch_weights(kind, golden):
    weights = {
        name.removeprefix(f"{kind}/weights/"): value
        for name, value in golden.items()
        if name.startswith(f"{kind}/weights/")
    }
    fusion = FUSIONS[kind]()
    fusion(*inputs(golden))
    for side, tokens in (("image", fusion.image_tokens), ("text", fusion.text_tokens)):
        put_dense(tokens.sequence_dense, weights, f"{side}_tokens.sequence")
        put_dense(tokens.pooled_dense, weights, f"{side}_tokens.pooled")
        put_norm(tokens.norm, weights, f"{side}_tokens.norm")
    fusion.image_tokens.position_vectors.assign(weights["image_tokens.positions"])
    if kind == "early_concat":
        for index, block in enumerate(fusion.blocks):
            put_block(block, weights, f"blocks.{index}")
    else:
        for side in ("text", "image"):
            for index, block in enumerate(getattr(fusion, f"{side}_blocks")):
                put_cross_block(block, weights, f"{side}_blocks.{index}")
    put_norm(fusion.text_norm if kind == "co_attention" else fusion.norm, weights, "norm")
    if kind in ("both", "co_attention"):
        put_norm(fusion.image_norm, weights, "image_norm")
        put_dense(fusion.both_dense, weights, "both")
    return fusion


@pytest.mark.parametrize("kind", FUSIONS)
def test_a_fusion_that_attends_equals_torch(kind, golden):
    fused = with_torch_weights(kind, golden)(*inputs(golden))
    np.testing.assert_allclose(np.asarray(fused["sequence"]), golden[f"{kind}/sequence"], atol=1e-5)
    np.testing.assert_allclose(np.asarray(fused["pooled"]), golden[f"{kind}/pooled"], atol=1e-5)


@pytest.mark.parametrize("kind", ["text", "image", "both", "co_attention"])
def test_attention_is_torchs_without_what_the_pooled_place_got(kind, golden):
    fused = with_torch_weights(kind, golden)(*inputs(golden), return_attention=True)
    ours, theirs = np.asarray(fused["attention"]), golden[f"{kind}/attention"]
    np.testing.assert_allclose(ours, theirs[:, :, 1:, 1:], atol=1e-5)
    np.testing.assert_allclose(np.asarray(fused["pooled_attention"]), theirs[:, :, 0, 1:], atol=1e-5)
    np.testing.assert_allclose(ours.sum(-1) + theirs[:, :, 1:, 0], 1, atol=1e-5)
