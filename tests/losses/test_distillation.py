"""Momentum distillation against torch's KL divergence (see tests/golden/make_losses.py), and by hand."""

import math

import numpy as np
import pytest
from keras import ops

from mmzoo.losses import cross_entropy, distillation_loss


def test_it_is_albef_s_and_the_teacher_s_entropy(golden):
    losses = distillation_loss(golden["student"], golden["teacher"], golden["student_labels"])
    expected = golden["albef"] + 0.4 * golden["teacher_entropy"]
    np.testing.assert_allclose(np.asarray(losses), expected, rtol=1e-5)


def test_by_hand():
    # The student says 1/4, 3/4; the teacher 1/2, 1/2; the label is the first: targets 0.25 * 1/2 + 0.75 = 7/8 and 1/8.
    losses = distillation_loss(np.log([[1.0, 3.0]]), np.zeros((1, 2)), np.array([0]), alpha=0.25)
    assert float(losses[0]) == pytest.approx(7 / 8 * math.log(4) + 1 / 8 * math.log(4 / 3), rel=1e-6)


def test_a_soft_label_and_a_tensor_as_alpha_will_do(golden):
    labels = np.eye(8, dtype="float32")[golden["student_labels"]]
    expected = distillation_loss(golden["student"], golden["teacher"], golden["student_labels"], alpha=0.4)
    losses = distillation_loss(golden["student"], golden["teacher"], labels, alpha=ops.convert_to_tensor(0.4))
    np.testing.assert_allclose(np.asarray(losses), np.asarray(expected), rtol=1e-5)


def test_alpha_zero_leaves_the_labels(golden):
    labels = golden["student_labels"]
    losses = distillation_loss(golden["student"], golden["teacher"], labels, alpha=0)
    np.testing.assert_allclose(np.asarray(losses), np.asarray(cross_entropy(golden["student"], labels)), rtol=1e-6)


def test_no_gradient_reaches_the_teacher_or_the_targets(golden, gradient):
    student, teacher, labels = golden["student"], golden["teacher"], golden["student_labels"]
    assert np.abs(gradient(lambda x: distillation_loss(x, teacher, labels), student)[1]).max() > 0.1
    # 0 * x keeps TensorFlow from having nothing to differentiate.
    _, slope = gradient(lambda x: distillation_loss(student, x, labels) + 0 * ops.sum(x), teacher)
    np.testing.assert_array_equal(slope, 0)
    soft = np.eye(8, dtype="float32")[labels]
    _, slope = gradient(lambda x: distillation_loss(student, teacher, x) + 0 * ops.sum(x), soft)
    np.testing.assert_array_equal(slope, 0)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_extreme_logits_have_a_loss_and_a_gradient(gradient, dtype):
    logits = np.array([[-1e4, 1e4]], dtype)
    value, slope = gradient(lambda x: distillation_loss(x, -logits, np.array([0])), logits)
    assert value == pytest.approx(2e4, rel=1e-3)
    np.testing.assert_allclose(slope, [[-1, 1]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: distillation_loss(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(2), alpha=1.5),
            "0 and 1, received 1.5",
        ),
        (
            lambda: distillation_loss(np.zeros((2, 3)), np.zeros((2, 4)), np.zeros(2)),
            r"shape \(2, 3\), received \(2, 4\)",
        ),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
