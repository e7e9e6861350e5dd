import json

import numpy as np
import pytest

from mmzoo.metrics.consistency import modality_consistency


def test_by_hand():
    images, texts = np.eye(2), np.array([[3.0, 4.0], [0.0, 2.0]])
    report = modality_consistency(images, texts)
    # cosines: own 0.6 and 1, mismatched 0.8 and 0
    assert report.matched == pytest.approx(0.8)
    assert report.mismatched == pytest.approx(0.4)
    assert report.gap == pytest.approx(0.4)


def test_a_caption_that_several_pictures_have_is_no_mismatch():
    images, texts = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), np.eye(2)
    positives = np.array([[True, False], [False, True], [True, False]])
    report = modality_consistency(images, texts, positives)
    assert (report.pairs, report.matched, report.mismatched) == (3, 1.0, 0.0)


def test_texts_may_name_their_image():
    report = modality_consistency(np.eye(2), np.eye(2)[[0, 1, 1]], np.array([0, 1, 1]))
    assert (report.pairs, report.matched, report.mismatched) == (3, 1.0, 0.0)


def test_one_pair_has_nothing_to_be_compared_with():
    report = modality_consistency(np.ones((1, 2)), np.ones((1, 2)))
    assert report.mismatched is None
    assert "-" in str(report).splitlines()[-1]
    assert json.loads(json.dumps(report.to_dict()))["gap"] is None


@pytest.mark.parametrize(
    ("images", "texts", "message"),
    [
        (np.eye(2), np.eye(3), r"must be \(N, E\) and \(M, E\)"),
        (np.eye(2), np.zeros((2, 2)), "text_embeds must have a direction each, received zeros, nan or infinity in 2"),
        (np.full((2, 2), np.nan), np.eye(2), "image_embeds must have a direction"),
        (np.zeros((0, 2)), np.eye(2), "at least one row"),
        (np.eye(3), np.eye(3)[:2], "positives must be given unless"),
    ],
)
def test_a_mistake_gets_one_sentence(images, texts, message):
    with pytest.raises(ValueError, match=message):
        modality_consistency(images, texts)
