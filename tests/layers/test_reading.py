"""Padded texts: where they end, turned around, and one vector of each, by hand."""

import numpy as np
import pytest

from mmzoo.layers import LastPooling, MaxPooling, TurnAround, UpToLast

MASK = np.array([[1, 1, 1, 0], [1, 0, 0, 0]], bool)
SEQUENCE = np.array([[[1.0, -1], [2, -2], [3, -3], [9, 9]], [[-5, 5], [9, 9], [9, 9], [9, 9]]], "float32")


@pytest.mark.parametrize(
    ("mask", "expected"),
    [([1, 1, 0, 0], [1, 1, 0, 0]), ([1, 0, 1, 0], [1, 1, 1, 0]), ([0, 0, 0, 0], [1, 0, 0, 0]), ([1] * 4, [1] * 4)],
)
def test_up_to_last_that_counts(mask, expected):
    found = UpToLast()(np.array([mask], bool))
    assert np.asarray(found).astype(int).tolist() == [expected]


def test_a_text_is_turned_and_its_padding_left():
    turned = np.asarray(TurnAround()(SEQUENCE, MASK))
    assert turned[0].tolist() == [[3, -3], [2, -2], [1, -1], [9, 9]]
    assert turned[1].tolist() == SEQUENCE[1].tolist()
    np.testing.assert_array_equal(np.asarray(TurnAround()(turned, MASK)), SEQUENCE)


def test_the_last_vector_is_that_before_the_padding():
    assert np.asarray(LastPooling()(SEQUENCE, MASK)).tolist() == [[3, -3], [-5, 5]]


def test_the_maximum_leaves_padding_out():
    assert np.asarray(MaxPooling()(SEQUENCE, MASK)).tolist() == [[3, -1], [-5, 5]]
