"""Losses of two sides at logits where they can be worked out by hand, and against torch's formulas in Keras's own cross-entropy."""

import keras
import numpy as np
import pytest
from keras import ops

from mmzoo.losses import discriminator_loss, generator_loss, matching_penalty, zero_centred_penalty

LOG2 = np.log(2.0)
RNG = np.random.default_rng(0)
REAL, FAKE, WRONG = (RNG.normal(size=5).astype("float32") for _ in range(3))


@pytest.mark.parametrize(
    ("loss", "both", "one"), [("bce", 2 * LOG2, LOG2), ("hinge", 2, 0), ("relativistic", LOG2, LOG2)]
)
def test_zero_logits(loss, both, one):
    zeros = np.zeros(3, "float32")
    assert float(discriminator_loss(zeros, zeros, loss=loss)) == pytest.approx(both)
    assert float(discriminator_loss(zeros, zeros, zeros, loss=loss)) == pytest.approx(both)
    assert float(generator_loss(zeros, zeros, loss=loss)) == pytest.approx(one)


def test_bce_is_keras_cross_entropy_with_real_ones_1_and_fakes_0():
    entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    expected = float(entropy(np.ones(5), REAL)) + float(entropy(np.zeros(5), FAKE))
    assert float(discriminator_loss(REAL, FAKE)) == pytest.approx(expected, rel=1e-6)
    assert float(generator_loss(FAKE)) == pytest.approx(float(entropy(np.ones(5), FAKE)), rel=1e-6)


def test_mismatched_texts_weigh_half_of_what_is_wrong():
    plain, wrong = (float(discriminator_loss(REAL, other)) for other in (FAKE, WRONG))
    assert float(discriminator_loss(REAL, FAKE, WRONG)) == pytest.approx((plain + wrong) / 2, rel=1e-6)


def test_what_is_not_counted_is_no_mismatch():
    counted = np.array([True, False, True, False, False])
    found = float(discriminator_loss(REAL, FAKE, WRONG, counted=counted, loss="hinge"))
    wrong = np.maximum(0, 1 + WRONG[[0, 2]]).mean()
    expected = np.maximum(0, 1 - REAL).mean() + (np.maximum(0, 1 + FAKE).mean() + wrong) / 2
    assert found == pytest.approx(expected, rel=1e-6)


def test_hinge_and_relativistic_by_hand():
    real, fake = np.array([2.0, -1.0], "float32"), np.array([-3.0, 0.5], "float32")
    assert float(discriminator_loss(real, fake, loss="hinge")) == pytest.approx((0 + 2) / 2 + (0 + 1.5) / 2)
    assert float(generator_loss(fake, loss="hinge")) == pytest.approx(1.25)
    expected = (np.log1p(np.exp(-5.0)) + np.log1p(np.exp(1.5))) / 2
    assert float(discriminator_loss(real, fake, loss="relativistic")) == pytest.approx(expected)
    expected = (np.log1p(np.exp(5.0)) + np.log1p(np.exp(-1.5))) / 2
    assert float(generator_loss(fake, real, loss="relativistic")) == pytest.approx(expected)


def test_penalties_by_hand():
    pictures, texts = np.full((2, 1, 2, 1), 0.5, "float32"), np.array([[1.0], [0.0]], "float32")
    # Squared norms 0.5 + 1 and 0.5: cubed 3.375 and 0.125, their mean 1.75.
    assert float(matching_penalty(pictures, texts, scale=2.0, power=6.0)) == pytest.approx(3.5)
    assert float(zero_centred_penalty(pictures, gamma=3.0)) == pytest.approx(0.75)


def test_half_precision_is_computed_in_float32():
    found = discriminator_loss(ops.cast(REAL, "float16"), ops.cast(FAKE, "float16"))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "wasserstein"}, "loss must be one of bce, hinge, relativistic, received 'wasserstein'"),
        ({"mismatched": np.zeros(4)}, r"logits must have shape \(5,\), received \(4,\)"),
    ],
)
def test_what_would_be_broadcast_or_guessed_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        discriminator_loss(REAL, FAKE, **arguments)


def test_the_relativistic_generator_needs_real_logits():
    with pytest.raises(ValueError, match="real must be the logits of real pictures"):
        generator_loss(FAKE, loss="relativistic")
