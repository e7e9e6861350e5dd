"""The fusions of vectors against their formulas, written out in NumPy."""

import math

import numpy as np
import pytest

from mmzoo.fusion import AddFusion, BilinearFusion, ConcatFusion, GatedFusion, LateFusion

RNG = np.random.default_rng(0)
IMAGE = {"sequence": RNG.normal(size=(3, 6, 7)).astype("float32"), "pooled": RNG.normal(size=(3, 5)).astype("float32")}
TEXT = {
    "sequence": RNG.normal(size=(3, 4, 9)).astype("float32"),
    "pooled": RNG.normal(size=(3, 9)).astype("float32"),
    "mask": np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], bool),
}


def concat(picture, text, dense_kernel, dense_bias):
    x = np.concatenate([picture, text], -1) @ dense_kernel + dense_bias
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def add(picture, text, image_kernel, text_kernel, text_bias):
    return picture @ image_kernel + text @ text_kernel + text_bias


def gated(picture, text, image_kernel, image_bias, text_kernel, text_bias, image_gate, text_gate, gate_bias):
    both = np.concatenate([picture, text], -1) @ np.concatenate([image_gate, text_gate]) + gate_bias
    gate = 1 / (1 + np.exp(-both))
    return gate * np.tanh(picture @ image_kernel + image_bias) + (1 - gate) * np.tanh(text @ text_kernel + text_bias)


def bilinear(picture, text, image_kernel, image_bias, text_kernel, text_bias, kernel, bias):
    return (np.tanh(picture @ image_kernel + image_bias) * np.tanh(text @ text_kernel + text_bias)) @ kernel + bias


def built(fusion):
    """The layer with every weight at random, none left at zero, and its weights."""
    fusion(IMAGE, TEXT)
    fusion.set_weights([RNG.normal(size=weight.shape).astype("float32") for weight in fusion.get_weights()])
    return fusion, [weight.astype("float64") for weight in fusion.get_weights()]


@pytest.mark.parametrize(
    ("layer", "formula"),
    [(ConcatFusion(8), concat), (AddFusion(8), add), (GatedFusion(8), gated), (BilinearFusion(8, rank=3), bilinear)],
    ids=["concat", "add", "gated", "bilinear"],
)
def test_a_fusion_of_vectors_is_its_formula_on_the_pooled_pair_and_at_every_position(layer, formula):
    fusion, weights = built(layer)
    fused = fusion(IMAGE, TEXT)
    np.testing.assert_allclose(
        np.asarray(fused["pooled"]), formula(IMAGE["pooled"], TEXT["pooled"], *weights), atol=1e-5
    )
    for position in range(4):
        expected = formula(IMAGE["pooled"], TEXT["sequence"][:, position], *weights)
        np.testing.assert_allclose(np.asarray(fused["sequence"])[:, position], expected, atol=1e-5)


def test_late_keeps_the_two_apart():
    fusion, (image_kernel, image_bias, text_kernel, text_bias) = built(LateFusion(8))
    fused = fusion(IMAGE, TEXT)
    text, picture = TEXT["pooled"] @ text_kernel + text_bias, IMAGE["pooled"] @ image_kernel + image_bias
    np.testing.assert_allclose(np.asarray(fused["pooled"]), np.stack([text, picture], 1), atol=1e-5)
    expected = TEXT["sequence"] @ text_kernel + text_bias
    np.testing.assert_allclose(np.asarray(fused["sequence"]), expected, atol=1e-5)


def test_a_gate_of_one_is_the_pictures_and_of_zero_the_texts():
    fusion, _ = built(GatedFusion(8))
    for bias, dense, pooled in ((1e4, fusion.image_dense, IMAGE["pooled"]), (-1e4, fusion.text_dense, TEXT["pooled"])):
        fusion.text_gate.bias.assign(np.full(8, bias, "float32"))
        np.testing.assert_allclose(
            np.asarray(fusion(IMAGE, TEXT)["pooled"]), np.tanh(np.asarray(dense(pooled))), atol=1e-6
        )
