import keras
import numpy as np
import pytest

from mmzoo.layers import ConditionalAffine, DifferentiableAugmentation, ResidualGate, WordAttention

RNG = np.random.default_rng(0)
MAP = RNG.normal(size=(2, 3, 4, 5)).astype("float32")
CONDITION = RNG.normal(size=(2, 6)).astype("float32")
WORDS = RNG.normal(size=(2, 7, 8)).astype("float32")
MASK = np.arange(7)[None] < np.array([[3], [7]])


def number(x):
    return keras.ops.convert_to_numpy(x)


def test_an_affine_starts_by_changing_nothing_and_then_scales_and_shifts_channels():
    layer = ConditionalAffine()
    np.testing.assert_array_equal(number(layer(MAP, CONDITION)), MAP)
    kernel = RNG.normal(size=(6, 10)).astype("float32")
    layer.affine.set_weights([kernel, np.zeros(10, "float32")])
    scale, shift = np.split(CONDITION @ kernel, 2, axis=1)
    expected = MAP * (1 + scale[:, None, None]) + shift[:, None, None]
    np.testing.assert_allclose(number(layer(MAP, CONDITION)), expected, rtol=1e-4, atol=1e-5)


def test_a_gate_weighs_the_residual():
    np.testing.assert_allclose(number(ResidualGate(0.5)(MAP, 2 * MAP)), 2 * MAP)


def test_a_place_adds_what_attention_finds_among_the_words_that_are_not_masked():
    layer = WordAttention()
    np.testing.assert_array_equal(number(layer(MAP, WORDS, MASK)), MAP)
    layer.attention.set_weights([RNG.normal(size=weight.shape) for weight in layer.attention.get_weights()])
    found = number(layer(MAP, WORDS, MASK)) - MAP
    expected = layer.attention(MAP.reshape(2, 12, 5), WORDS, attention_mask=MASK)
    np.testing.assert_allclose(found.reshape(2, 12, 5), number(expected), rtol=1e-4, atol=1e-4)
    other = WORDS.copy()
    other[0, 3:] = 100
    np.testing.assert_allclose(number(layer(MAP, other, MASK)) - MAP, found, atol=1e-5)


@pytest.mark.parametrize("layer", [ResidualGate(0.25), DifferentiableAugmentation(flip=True, cutout=0.2, seed=3)])
def test_a_config_makes_the_same_layer(layer):
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
