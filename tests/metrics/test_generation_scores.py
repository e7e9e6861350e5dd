"""Scores worked out by hand; tests/parity has those of classes and neighbours against torch-fidelity."""

import numpy as np
import pytest

from mmzoo.metrics import diversity, inception_score, precision_recall, r_precision

CLASSES = 5


def test_inception_score_is_1_where_nothing_is_recognised_and_the_classes_where_all_are():
    sure = np.eye(CLASSES)[np.arange(10) % CLASSES]
    assert inception_score(np.zeros((10, CLASSES)), splits=2) == pytest.approx((1, 0))
    assert inception_score(1e4 * sure, splits=1) == pytest.approx((CLASSES, 0))
    assert inception_score(sure, from_logits=False, splits=1) == pytest.approx((CLASSES, 0))
    assert inception_score(sure[[0] * 10], from_logits=False, splits=1) == pytest.approx((1, 0))


def test_inception_score_worked_out_by_hand():
    probabilities = np.array([[1, 0], [0.5, 0.5]])  # together (3/4, 1/4)
    divergences = [np.log(4 / 3), 0.5 * np.log(2 / 3) + 0.5 * np.log(2)]
    expected = np.exp(np.mean(divergences))
    assert inception_score(probabilities, from_logits=False, splits=1).mean == pytest.approx(expected)
    assert inception_score(np.log(probabilities + 1e-12), splits=1).mean == pytest.approx(expected)


@pytest.mark.parametrize(
    ("predictions", "options", "message"),
    [
        (np.ones(3), {}, r"predictions must be finite and of shape \(N, C\), received \(3,\)"),
        (np.ones((3, 2)), {}, "splits must be from 1 to the 3 pictures, received 10"),
        (np.ones((3, 2)), {"splits": 1, "from_logits": False}, "predictions must be probabilities"),
    ],
)
def test_other_predictions_are_refused(predictions, options, message):
    with pytest.raises(ValueError, match=message):
        inception_score(predictions, **options)


def test_precision_and_recall_worked_out_by_hand():
    real = [[0], [1], [2], [10]]  # nearest other at 1, 1, 1, 8
    generated = [[0.5], [100], [101]]  # at 99.5, 1, 1
    assert precision_recall(real, generated, neighbours=1) == (1 / 3, 1)
    assert precision_recall(real, real, neighbours=2) == (1, 1)


def test_neighbours_must_be_fewer_than_points():
    with pytest.raises(ValueError, match="neighbours must be from 1 to less than 3, the smaller set, received 3"):
        precision_recall(np.eye(4, 2), np.eye(3, 2))


def test_r_precision_worked_out_by_hand():
    texts = np.eye(3)
    images = np.array([[2, 1, 0], [0, 1, 2], [0, 0, 1]])  # the second is nearer to the third's caption
    figure = r_precision(images, texts, "abc", mismatched=2)
    assert (figure.name, figure.value, figure.chance) == ("r_precision", 2 / 3, 1 / 3)


def test_a_caption_of_the_same_picture_is_never_a_mismatched_one():
    texts = np.array([[1, 0], [1, 0.1], [0, 1]])  # two paraphrases, of which the first picture likes the other's
    images = np.array([[1, 0.1], [1, 0.1], [0, 1]])
    assert r_precision(images, texts, ["one", "one", "two"], mismatched=1).value == 1
    assert r_precision(images, texts, [1, 2, 3], mismatched=2).value == 2 / 3


def test_a_tie_counts_against_the_picture():
    assert r_precision(np.ones((4, 2)), np.ones((4, 2)), range(4), mismatched=1).value == 0


def test_mismatched_captions_are_drawn_evenly_from_the_other_groups():
    # A picture likes its own caption less than one of the three others: found unless that is among the two drawn.
    texts = np.eye(4)
    images = texts + 2 * np.roll(texts, 1, axis=0)
    found = [r_precision(images, texts, range(4), mismatched=2, seed=seed).value for seed in range(300)]
    assert np.mean(found) == pytest.approx(1 / 3, abs=0.04)


def test_too_few_groups_for_as_many_mismatched_captions():
    with pytest.raises(ValueError, match="mismatched must be from 1 to less than the 2 groups, received 99"):
        r_precision(np.eye(3), np.eye(3), "aab")


def test_diversity_is_the_mean_over_captions_of_mean_distances():
    points = [[0, 0], [3, 0], [0, 4], [7, 7], [8, 7], [50, 50]]  # 3, 4 and 5 apart; 1 apart; alone
    assert diversity(points, "aaabbc") == pytest.approx((4 + 1) / 2)
    with pytest.raises(ValueError, match="groups must have two pictures of one caption"):
        diversity(points, "abcdef")
    with pytest.raises(ValueError, match="groups must be 6, one for each picture, received 2"):
        diversity(points, "ab")
