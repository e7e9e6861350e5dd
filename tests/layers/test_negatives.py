"""Wrong pairs are drawn by their similarity, and a right one never is."""

import numpy as np
import pytest
from scipy.special import softmax

from mmzoo.layers import HardNegatives


def draw(logits, same, training=True):
    drawn = HardNegatives(seed=3)(np.asarray(logits, "float32"), np.asarray(same), training=training)
    return {name: np.asarray(value) for name, value in drawn.items()}


def test_a_right_pair_is_never_drawn():
    same = np.kron(np.eye(8), np.ones((4, 4))).astype(bool)  # each caption comes four times
    drawn = draw(100.0 * same, same)
    rows = np.arange(32)
    assert not same[rows, drawn["texts"]].any()
    assert not same[drawn["images"], rows].any()
    assert drawn["found"].all()


def test_a_row_without_a_wrong_one_says_so():
    same = np.ones((3, 3), bool)
    assert not draw(np.zeros((3, 3)), same)["found"].any()
    same = np.eye(3, dtype=bool)
    assert draw(np.zeros((3, 3)), same)["found"].all()


def test_draws_follow_the_softmax_of_the_similarities():
    logits = np.tile([[0.0, 1.0, 2.0, 5.0]], (4, 1))
    layer, same = HardNegatives(), np.eye(4, dtype=bool)
    counts = np.zeros((2, 4))
    for _ in range(400):
        drawn = layer(logits.astype("float32"), same, training=True)
        counts[0] += np.bincount([int(drawn["texts"][3])], minlength=4)
        counts[1] += np.bincount([int(drawn["images"][0])], minlength=4)
    # Five standard deviations of a share of 400 draws are at most 5 sqrt(0.25 / 400) = 0.125.
    np.testing.assert_allclose(counts[0] / 400, [*softmax([0.0, 1.0, 2.0]), 0], atol=0.125)
    np.testing.assert_allclose(counts[1] / 400, [0, 1 / 3, 1 / 3, 1 / 3], atol=0.125)


def test_evaluation_draws_the_same_each_time():
    layer, same = HardNegatives(seed=1), np.eye(64, dtype=bool)
    logits = np.zeros((64, 64), "float32")
    first, second = (np.asarray(layer(logits, same, training=False)["texts"]) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    trained = [np.asarray(layer(logits, same, training=True)["texts"]) for _ in range(2)]
    assert (trained[0] != trained[1]).any()


@pytest.mark.parametrize("seed", [0, 7])
def test_a_config_says_the_seed(seed):
    assert HardNegatives.from_config(HardNegatives(seed=seed).get_config()).seed == seed
