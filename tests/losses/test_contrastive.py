"""Losses against transformers' (see tests/golden/make_blocks.py) and numbers worked out by hand."""

import math
from pathlib import Path

import numpy as np
import pytest

from mmzoo.losses import contrastive_loss, repeated_rows, sigmoid_loss


@pytest.fixture(scope="module")
def blocks():
    with np.load(Path(__file__).parents[1] / "golden" / "blocks.npz") as file:
        return dict(file)


@pytest.mark.parametrize(("name", "loss"), [("clip", contrastive_loss), ("siglip", sigmoid_loss)])
def test_loss_equals_transformers(blocks, name, loss):
    assert float(loss(blocks[f"{name}_logits_per_image"])) == pytest.approx(float(blocks[f"{name}_loss"]), rel=1e-5)


def test_zero_logits_give_the_entropy_of_a_guess():
    zeros = np.zeros((6, 6), "float32")
    assert float(contrastive_loss(zeros)) == pytest.approx(math.log(6), rel=1e-6)
    assert float(sigmoid_loss(zeros)) == pytest.approx(6 * math.log(2), rel=1e-6)


def test_several_positives_share_the_target():
    logits = np.log(np.array([[1, 2, 1], [2, 1, 1], [1, 1, 2]], "float32"))
    positives = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], bool)
    # Rows 0 and 1: -(log 1/4 + log 2/4) / 2 = 1.5 log 2; row 2: -log 2/4 = log 2. The matrix is symmetric, so columns give the same.
    assert float(contrastive_loss(logits, positives)) == pytest.approx(math.log(2) * (1.5 + 1.5 + 1) / 3, rel=1e-6)
    # Per pair -log sigmoid(+-log n): positives 1, 2, 2, 1, 2, negatives 1, 1, 1, 1.
    expected = 2 * math.log(2) + 3 * math.log(1.5) + 4 * math.log(2)
    assert float(sigmoid_loss(logits, positives)) == pytest.approx(expected / 3, rel=1e-6)


def test_repeated_rows_are_found_and_only_they():
    rng = np.random.default_rng(0)
    token_ids = rng.integers(0, 50000, (300, 16)).astype("int32")
    token_ids[17], token_ids[200] = token_ids[3], token_ids[3]
    token_ids[40] = token_ids[41]
    token_ids[41, 5] += 1  # one token apart
    token_ids[60] = token_ids[61][::-1]  # the same tokens in another order
    expected = (token_ids[:, None] == token_ids[None]).all(axis=2)
    assert expected.sum() == 300 + 6
    np.testing.assert_array_equal(np.asarray(repeated_rows(token_ids)), expected)
