"""A block that looks at a second sequence, against torch's decoder layer (tests/golden/make_fusion.py)."""

from pathlib import Path

import keras
import numpy as np
import pytest

from mmzoo.layers import CrossAttentionBlock


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parents[1] / "golden" / "fusion.npz") as file:
        return {name.removeprefix("block/"): value for name, value in file.items() if name.startswith("block/")}


def with_torch_weights(golden):
    block = CrossAttentionBlock(8, 2, mlp_dim=12, causal=True)
    block.build((None, 5, 8), (None, 4, 8))
    weights = {name.removeprefix("weights/"): value for name, value in golden.items() if name.startswith("weights/")}
    for attention, theirs in ((block.self_attention, "self_attn"), (block.cross_attention, "multihead_attn")):
        kernels = np.split(weights[f"{theirs}.in_proj_weight"], 3)
        biases = np.split(weights[f"{theirs}.in_proj_bias"], 3)
        denses = (attention.query_dense, attention.key_dense, attention.value_dense)
        for dense, kernel, bias in zip(denses, kernels, biases, strict=True):
            dense.set_weights([kernel.T, bias])
        output = [weights[f"{theirs}.out_proj.weight"].T, weights[f"{theirs}.out_proj.bias"]]
        attention.output_dense.set_weights(output)
    for norm, theirs in ((block.self_norm, "norm1"), (block.cross_norm, "norm2"), (block.mlp_norm, "norm3")):
        norm.set_weights([weights[f"{theirs}.weight"], weights[f"{theirs}.bias"]])
    for dense, theirs in ((block.mlp.hidden_dense, "linear1"), (block.mlp.output_dense, "linear2")):
        dense.set_weights([weights[f"{theirs}.weight"].T, weights[f"{theirs}.bias"]])
    return block


def test_a_causal_block_with_both_masks_equals_torch(golden):
    block = with_torch_weights(golden)
    masks = {"attention_mask": golden["x_mask"], "context_mask": golden["context_mask"]}
    output, weights = block(golden["x"], golden["context"], **masks, return_weights=True)
    np.testing.assert_allclose(np.asarray(output), golden["output"], atol=1e-5)
    np.testing.assert_allclose(np.asarray(weights), golden["attention"], atol=1e-5)


def test_the_context_may_have_another_size_and_shapes_are_known_before():
    block = CrossAttentionBlock(8, 2)
    x, context = keras.Input((5, 8)), keras.Input((None, 3))
    assert block(x, context).shape == (None, 5, 8)
    output, weights = block(x, context, return_weights=True)
    assert output.shape == (None, 5, 8)
    assert weights.shape == (None, 2, 5, None)


def test_a_block_survives_its_configuration():
    block = CrossAttentionBlock(8, 2, mlp_dim=12, causal=True, dropout=0.1, depth=3, activation="quick_gelu")
    again = CrossAttentionBlock.from_config(block.get_config())
    assert again.get_config() == block.get_config()
    assert again.self_attention.causal
    assert not again.cross_attention.causal


def test_heads_must_share_the_width():
    with pytest.raises(
        ValueError, match="width must be a positive multiple of num_heads, received width=8, num_heads=3"
    ):
        CrossAttentionBlock(8, 3)
