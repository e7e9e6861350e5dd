"""Image-text matching, by hand."""

import math

import numpy as np
import pytest

from mmzoo.losses import matching_loss


def test_a_pair_costs_the_log_of_how_sure_the_model_was_of_the_truth():
    # sigmoid(log 3) = 3/4, sigmoid(-log 4) = 1/5.
    logits = np.log(np.array([3, 3, 1 / 4, 1], "float32"))
    losses = np.asarray(matching_loss(logits, np.array([True, False, False, True])))
    np.testing.assert_allclose(losses, np.log([4 / 3, 4, 5 / 4, 2]), rtol=1e-6)


def test_two_logits_stand_for_the_same(golden):
    # ALBEF has one logit for "no" and one for "yes": torch's cross-entropy of the first two columns renormalised is that of their lead.
    no, yes = golden["logits"][:, 0].astype("float64"), golden["logits"][:, 1].astype("float64")
    matched = golden["several"][:, 0] == 1
    expected = np.where(matched, np.logaddexp(no, yes) - yes, np.logaddexp(no, yes) - no)
    np.testing.assert_allclose(np.asarray(matching_loss(yes - no, matched)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_extreme_logits_have_a_loss_and_a_gradient(gradient, dtype):
    value, slope = gradient(lambda x: matching_loss(x, np.array([True, False])), np.array([-1e4, 1e4], dtype))
    assert value == pytest.approx(2e4, rel=1e-3)
    np.testing.assert_allclose(slope, [-1, 1])


def test_soft_matches_mix_both():
    assert float(matching_loss(np.log([3.0]), np.array([0.5]))[0]) == pytest.approx(
        0.5 * math.log(4 / 3) + 0.5 * math.log(4), rel=1e-6
    )


@pytest.mark.parametrize(
    ("logits", "matched", "message"),
    [
        (np.zeros((2, 1)), np.zeros((2, 1)), r"logits must have shape \(None,\), received \(2, 1\)"),
        (np.zeros(2), np.zeros(3), r"matched must have shape \(2,\), received \(3,\)"),
    ],
)
def test_bad_arguments_get_one_sentence(logits, matched, message):
    with pytest.raises(ValueError, match=message):
        matching_loss(logits, matched)
