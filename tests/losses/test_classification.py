"""Losses of classes against torch's (see tests/golden/make_losses.py), scikit-learn's and numbers worked out by hand."""

import math

import numpy as np
import pytest
from keras import ops
from sklearn.metrics import hinge_loss as sklearn_hinge_loss

from mmzoo.losses import binary_cross_entropy, cross_entropy, hinge_loss


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("targets", "label_smoothing", "expected"),
    [
        ("labels", 0.0, "cross_entropy"),
        ("soft", 0.0, "cross_entropy_soft"),
        ("labels", 0.1, "cross_entropy_smooth"),
        ("soft", 0.1, "cross_entropy_soft_smooth"),
    ],
)
@pytest.mark.parametrize("from_probabilities", [False, True])
def test_cross_entropy_equals_torch(golden, targets, label_smoothing, expected, from_probabilities):
    predicted = softmax(golden["logits"]) if from_probabilities else golden["logits"]
    losses = cross_entropy(
        predicted, golden[targets], label_smoothing=label_smoothing, from_probabilities=from_probabilities
    )
    np.testing.assert_allclose(np.asarray(losses), golden[expected], rtol=1e-5, atol=1e-6)


def test_binary_cross_entropy_equals_torch(golden):
    losses = binary_cross_entropy(golden["logits"], golden["several"])
    np.testing.assert_allclose(np.asarray(losses), golden["binary_cross_entropy"], rtol=1e-5, atol=1e-6)
    probabilities = 1 / (1 + np.exp(-golden["logits"]))
    losses = binary_cross_entropy(probabilities, golden["several"], from_probabilities=True)
    np.testing.assert_allclose(np.asarray(losses), golden["binary_cross_entropy"], rtol=1e-5, atol=1e-6)


def test_zero_logits_give_the_entropy_of_a_guess():
    zeros = np.zeros((2, 4), "float32")
    np.testing.assert_allclose(np.asarray(cross_entropy(zeros, np.array([0, 3]))), math.log(4), rtol=1e-6)
    smooth = cross_entropy(zeros, np.array([0, 3]), label_smoothing=0.3)
    np.testing.assert_allclose(np.asarray(smooth), math.log(4), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(binary_cross_entropy(zeros, zeros)), math.log(2), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(hinge_loss(zeros, np.array([0, 3]))), 1)


def test_smoothed_decisions_are_drawn_towards_a_half():
    # Targets 1 and 0 become 0.9 and 0.1. log sigmoid(log 3) = log 3/4, log sigmoid(-log 3) = log 1/4; the other one is even.
    losses = binary_cross_entropy(np.log([[3.0, 1.0]]), np.array([[1, 0]]), label_smoothing=0.2)
    expected = (-0.9 * math.log(3 / 4) - 0.1 * math.log(1 / 4) + math.log(2)) / 2
    assert float(losses[0]) == pytest.approx(expected, rel=1e-6)


def test_a_class_axis_may_come_after_any_others():
    logits = np.log(np.arange(1, 13, dtype="float32").reshape(2, 2, 3))
    losses = np.asarray(cross_entropy(logits, np.array([[0, 1], [2, 0]])))
    np.testing.assert_allclose(losses, np.log([[6 / 1, 15 / 5], [24 / 9, 33 / 10]]), rtol=1e-6)


def test_a_probability_that_is_lost_costs_87_nats_and_not_16():
    # -log 2^-126 = 87.3; Keras stops at 1e-7, which is 16.1. Of 1 - p float32 holds nothing below 2^-24: 16.6.
    certain = np.array([[1, 0]], "float32")
    losses = cross_entropy(certain, np.array([1]), from_probabilities=True)
    assert float(losses[0]) == pytest.approx(126 * math.log(2), rel=1e-6)
    losses = cross_entropy(np.array([[1, 1e-30]], "float32"), np.array([1]), from_probabilities=True)
    assert float(losses[0]) == pytest.approx(30 * math.log(10), rel=1e-6)
    losses = binary_cross_entropy(certain, 1 - certain, from_probabilities=True)
    assert float(losses[0]) == pytest.approx((126 + 24) / 2 * math.log(2), rel=1e-6)


@pytest.mark.parametrize("labels", [[0, 2, 1, 2], [2, 2, 0, 0]])
def test_hinge_equals_scikit_learn(labels):
    scores = 2 * np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    expected = sklearn_hinge_loss(labels, scores, labels=[0, 1, 2])
    assert np.asarray(hinge_loss(scores, np.array(labels))).mean() == pytest.approx(expected, rel=1e-6)


def test_hinge_of_two_classes_in_one_score_equals_scikit_learn():
    scores, labels = np.array([2.5, -0.5, 0.3, -3], "float32"), np.array([1, 1, 0, 0])
    losses = np.asarray(hinge_loss(scores[:, None], labels))
    np.testing.assert_allclose(losses, [0, 1.5, 1.3, 0], rtol=1e-6)
    assert losses.mean() == pytest.approx(sklearn_hinge_loss(labels, scores), rel=1e-6)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_class_that_does_not_exist_gives_nan(label):
    scores, labels = np.zeros((2, 3), "float32"), np.array([1, label])
    for losses in (cross_entropy(scores, labels), hinge_loss(scores, labels)):
        np.testing.assert_array_equal(np.isnan(np.asarray(losses)), [False, True])


def test_gradient_is_what_was_said_less_what_is_right(gradient, golden):
    _, slope = gradient(lambda x: cross_entropy(x, golden["soft"]), golden["logits"])
    np.testing.assert_allclose(slope, softmax(golden["logits"]) - golden["soft"], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(
    "loss",
    [
        lambda x: cross_entropy(x, np.array([0, 1])),
        lambda x: cross_entropy(x, np.array([0, 1]), label_smoothing=0.1),
        lambda x: cross_entropy(x, np.eye(2, 3)),
        lambda x: binary_cross_entropy(x, np.eye(2, 3)),
        lambda x: hinge_loss(x, np.array([0, 1])),
    ],
)
def test_logits_of_ten_thousand_have_a_loss_and_a_gradient(loss, dtype, gradient):
    value, slope = gradient(loss, np.array([[-1e4, 1e4, 0], [1e4, -1e4, 0]], dtype))
    assert np.isfinite(value)
    assert value > 1e4
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() > 0.1


@pytest.mark.parametrize("size", [10.0, 80.0, 88.0, 1e4])
def test_probabilities_of_extreme_logits_have_a_finite_gradient(gradient, size):
    logits = np.array([[-size, 0, 0], [size, 0, 0]], "float32")
    for value, slope in (
        gradient(lambda x: cross_entropy(ops.softmax(x), np.array([0, 1]), from_probabilities=True), logits),
        gradient(lambda x: binary_cross_entropy(ops.sigmoid(x), 1 - np.eye(2, 3), from_probabilities=True), logits),
    ):
        assert np.isfinite(value)
        assert np.isfinite(slope).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cross_entropy(np.zeros((2, 3)), np.zeros(2), label_smoothing=1), "at least 0 and below 1, received 1"),
        (lambda: binary_cross_entropy(np.zeros((2, 3)), np.zeros((2, 3)), label_smoothing=-0.1), "received -0.1"),
        (
            lambda: cross_entropy(np.zeros((2, 3)), np.zeros((2, 4))),
            r"targets must have shape \(2, 3\), received \(2, 4\)",
        ),
        (lambda: cross_entropy(np.zeros((2, 3)), np.zeros(3)), r"targets must have shape \(2,\), received \(3,\)"),
        (lambda: binary_cross_entropy(np.zeros((2, 3)), np.zeros(2)), r"shape \(2, 3\), received \(2,\)"),
        (lambda: hinge_loss(np.zeros((2, 3)), np.zeros((2, 3))), r"shape \(2,\), received \(2, 3\)"),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
