"""Triplet losses against the hinges that torch gives for all triplets (see tests/golden/make_losses.py), and by hand."""

import keras
import numpy as np
import pytest

from mmzoo.losses import triplet_loss

# Rows look for texts, columns for pictures. Hinges at margin 0.2 of rows: 0.1 and 0; 0.4 and 0.1; 0 and 0.
# Of columns: 0.2 and 0; 0.3 and 0; 0 and 0.
BY_HAND = np.array([[0.5, 0.4, 0.1], [0.5, 0.3, 0.2], [-0.9, -0.1, 0.8]], "float32")


@pytest.mark.parametrize(("negatives", "reduce"), [("hard", np.max), ("all", np.sum)])
def test_a_row_costs_the_most_or_the_sum_of_torch_s_hinges(golden, negatives, reduce):
    expected = reduce(golden["to_text"], axis=1).mean() + reduce(golden["to_image"], axis=1).mean()
    assert float(triplet_loss(golden["similarities"], negatives=negatives)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("negatives", "rows", "columns"),
    [
        ("hard", [0.1, 0.4, 0], [0.2, 0.3, 0]),
        ("all", [0.1, 0.5, 0], [0.2, 0.3, 0]),
        # Row 1: 0.5 is more similar than the match, so 0.2 is chosen. Column 0: 0.5 is no less similar than 0.5, so -0.9 is.
        # Column 1: 0.4 is more similar than 0.3, so -0.1 is.
        ("semi_hard", [0.1, 0.1, 0], [0, 0, 0]),
    ],
)
def test_by_hand(negatives, rows, columns):
    expected = np.mean(rows) + np.mean(columns)
    assert float(triplet_loss(BY_HAND, negatives=negatives)) == pytest.approx(expected, abs=1e-6)


def test_where_every_negative_is_too_similar_the_semi_hard_one_is_the_least_similar():
    # Rows: 0.3 + 0.2, 0 (chosen 0.1 of 0.9). Columns: -0.6 of 0.3 is 0, 0.6 - 0.9 is 0; the third row and column are far off.
    similarities = np.array([[0.3, 0.6, 0.9], [0.1, 0.9, -1], [-1, -1, 1]], "float32")
    loss = triplet_loss(similarities, negatives="semi_hard")
    # Column 2: the most similar below 1 is 0.9: 0.1.
    assert float(loss) == pytest.approx((0.5 + 0 + 0) / 3 + (0 + 0 + 0.1) / 3, abs=1e-6)


def test_equal_cosines_cost_the_margin_each_way():
    for negatives, expected in (("hard", 0.6), ("random", 0.6), ("all", 4 * 0.6), ("semi_hard", 0.6)):
        loss = triplet_loss(np.zeros((5, 5)), margin=0.3, negatives=negatives)
        assert float(loss) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("negatives", ["hard", "semi_hard", "random", "all"])
def test_repeated_captions_are_no_negatives(negatives):
    positives = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], bool)
    # Left are 0.1, 0.2 in rows 0 and 1 and two in row 2; -0.9, -0.1 in columns 0 and 1. Only 0.2 - 0.3 + 0.2 is above 0.
    assert float(triplet_loss(BY_HAND, positives, negatives=negatives)) == pytest.approx(0.1 / 3, abs=1e-6)


@pytest.mark.parametrize("negatives", ["hard", "semi_hard", "random", "all"])
def test_a_row_without_a_negative_costs_nothing_and_has_gradient_zero(negatives, gradient):
    for positives, size in ((np.ones((3, 3), bool), 3), (None, 1)):
        value, slope = gradient(lambda x, p=positives: triplet_loss(x, p, negatives=negatives), BY_HAND[:size, :size])
        assert value == 0
        np.testing.assert_array_equal(slope, 0)


def test_random_negatives_are_drawn_evenly_and_by_seed():
    similarities = np.array([[0, 1, 10, 100], [-1, 1000, 0, 0], [-1, 0, 1000, 0], [-1, 0, 0, 1000]], "float32")
    # Only row 0 costs anything: 1, 10 or 100 and the margin, divided by 4 rows.
    seed = keras.random.SeedGenerator(3)
    draws = [float(triplet_loss(similarities, negatives="random", seed=seed)) for _ in range(150)]
    values, counts = np.unique(np.round(draws, 3), return_counts=True)
    np.testing.assert_allclose(values, np.array([1.2, 10.2, 100.2]) / 4, atol=1e-3)
    assert counts.min() > 28  # 50 each; 28 is 3.8 standard deviations off
    again = keras.random.SeedGenerator(3)
    assert [float(triplet_loss(similarities, negatives="random", seed=again)) for _ in range(5)] == draws[:5]
    assert len({float(triplet_loss(similarities, negatives="random", seed=4)) for _ in range(5)}) == 1


@pytest.mark.parametrize("negatives", ["hard", "semi_hard", "random", "all"])
def test_half_precision_is_computed_in_single(negatives):
    half = BY_HAND.astype("float16")
    loss = triplet_loss(half, negatives=negatives, seed=1)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == float(triplet_loss(half.astype("float32"), negatives=negatives, seed=1))


def test_the_hardest_negative_and_the_match_get_the_gradient(gradient):
    _, slope = gradient(triplet_loss, BY_HAND)
    # Rows 0 and 1 pull (0, 1) and (1, 0); columns 0 and 1 the same two; the matches are pushed as often.
    np.testing.assert_allclose(slope, np.array([[-2, 2, 0], [2, -2, 0], [0, 0, 0]]) / 3, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: triplet_loss(BY_HAND, margin=0), "margin must be above 0, received 0"),
        (lambda: triplet_loss(BY_HAND, margin=float("nan")), "margin must be above 0, received nan"),
        (lambda: triplet_loss(BY_HAND, negatives="easy"), "hard, semi_hard, random, all, received 'easy'"),
        (lambda: triplet_loss(BY_HAND[:2]), r"similarities must have shape \(2, 2\), received \(2, 3\)"),
        (lambda: triplet_loss(BY_HAND, np.eye(2)), r"positives must have shape \(3, 3\), received \(2, 2\)"),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
