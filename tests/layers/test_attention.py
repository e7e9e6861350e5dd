"""Attention against Keras's own, torch's and transformers' (see tests/golden/make_blocks.py), and its cache against itself."""

from pathlib import Path

import keras
import numpy as np
import pytest

from mmzoo.layers import Attention, AttentionPooling, TransformerBlock

RNG = np.random.default_rng(0)
SEQUENCE = RNG.normal(size=(3, 7, 16)).astype("float32")
CONTEXT = RNG.normal(size=(3, 4, 10)).astype("float32")


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parents[1] / "golden" / "blocks.npz") as file:
        return dict(file)


def keras_attention(layer, query, context):
    """keras.layers.MultiHeadAttention with the weights of ours."""
    theirs = keras.layers.MultiHeadAttention(layer.num_heads, layer.head_dim)
    theirs.build(query.shape, context.shape)
    heads = (layer.num_heads, layer.head_dim)
    weights = []
    for dense in (layer.query_dense, layer.key_dense, layer.value_dense):
        kernel, bias = dense.get_weights()
        weights += [kernel.reshape(-1, *heads), bias.reshape(heads)]
    kernel, bias = layer.output_dense.get_weights()
    theirs.set_weights([*weights, kernel.reshape(*heads, -1), bias])
    return theirs


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_equals_keras(causal):
    layer = Attention(16, 4, causal=causal)
    ours = layer(SEQUENCE)
    theirs = keras_attention(layer, SEQUENCE, SEQUENCE)(SEQUENCE, SEQUENCE, use_causal_mask=causal)
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=1e-5)


def test_cross_attention_with_a_mask_equals_keras():
    layer = Attention(16, 4)
    visible = np.array([[1, 1, 0, 0], [1, 0, 0, 1], [1, 1, 1, 1]], bool)
    ours = layer(SEQUENCE, CONTEXT, attention_mask=visible)
    theirs = keras_attention(layer, SEQUENCE, CONTEXT)(SEQUENCE, CONTEXT, attention_mask=visible[:, None, :])
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=1e-5)


def test_cross_attention_over_projected_context_is_the_same():
    layer = Attention(16, 4)
    expected = layer(SEQUENCE, CONTEXT)
    output, _ = layer(SEQUENCE, cache=layer.project(CONTEXT))
    np.testing.assert_allclose(np.asarray(output), np.asarray(expected), atol=1e-6)


@pytest.mark.parametrize("steps", [(1, 1, 1, 1, 1, 1, 1), (3, 1, 3)])
def test_causal_attention_over_a_cache_equals_all_at_once(steps):
    block = TransformerBlock(16, 4, causal=True)
    expected = np.asarray(block(SEQUENCE))
    cache, position, pieces = (np.zeros((3, 4, 9, 4), "float32"),) * 2, 0, []
    for length in steps:
        output, cache = block(SEQUENCE[:, position : position + length], cache=cache, position=position)
        pieces.append(np.asarray(output))
        position += length
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), expected, atol=1e-5)


def test_post_norm_block_equals_torch(golden):
    weights = {name.removeprefix("block/"): value for name, value in golden.items() if name.startswith("block/")}
    block = TransformerBlock(16, 4, mlp_dim=32, activation="gelu", norm="post")
    block.build((None, 7, 16))
    put_attention(block.attention, weights, "self_attn")
    block.attention_norm.set_weights([weights["norm1.weight"], weights["norm1.bias"]])
    block.mlp_norm.set_weights([weights["norm2.weight"], weights["norm2.bias"]])
    block.mlp.hidden_dense.set_weights([weights["linear1.weight"].T, weights["linear1.bias"]])
    block.mlp.output_dense.set_weights([weights["linear2.weight"].T, weights["linear2.bias"]])
    output = np.asarray(block(golden["sequence"], attention_mask=golden["visible"]))
    visible = golden["visible"][..., None]
    np.testing.assert_allclose(output * visible, golden["block_output"], atol=1e-5)


def test_attention_pooling_equals_siglip(golden):
    weights = {name.removeprefix("head/"): value for name, value in golden.items() if name.startswith("head/")}
    head = AttentionPooling(16, 4, mlp_dim=32)
    head.build((None, 7, 16))
    head.probe.assign(weights["probe"])
    put_attention(head.attention, weights, "attention")
    head.norm.set_weights([weights["layernorm.weight"], weights["layernorm.bias"]])
    head.mlp.hidden_dense.set_weights([weights["mlp.fc1.weight"].T, weights["mlp.fc1.bias"]])
    head.mlp.output_dense.set_weights([weights["mlp.fc2.weight"].T, weights["mlp.fc2.bias"]])
    np.testing.assert_allclose(np.asarray(head(golden["sequence"])), golden["pooled"], atol=1e-5)


def put_attention(layer, weights, prefix):
    kernels = np.split(weights[f"{prefix}.in_proj_weight"], 3)
    biases = np.split(weights[f"{prefix}.in_proj_bias"], 3)
    denses = (layer.query_dense, layer.key_dense, layer.value_dense)
    for dense, kernel, bias in zip(denses, kernels, biases, strict=True):
        dense.set_weights([kernel.T, bias])
    layer.output_dense.set_weights([weights[f"{prefix}.out_proj.weight"].T, weights[f"{prefix}.out_proj.bias"]])
