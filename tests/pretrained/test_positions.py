"""Resized positions are torch's."""

from pathlib import Path

import numpy as np
import pytest

from mmzoo.pretrained.positions import resize_positions

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "positions.npz")


@pytest.mark.parametrize("number", range(len(GOLDEN.files) // 2))
def test_positions_are_those_of_torch(number):
    old, new = GOLDEN[f"old_{number}"], GOLDEN[f"new_{number}"]
    resized = resize_positions(old.reshape(-1, 3), old.shape[:2], new.shape[:2])
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, new.reshape(-1, 3), rtol=1e-6, atol=1e-7)


def test_the_same_grid_keeps_every_bit():
    positions = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    np.testing.assert_array_equal(resize_positions(positions, (2, 3), (2, 3)), positions)


def test_equal_positions_stay_equal():
    np.testing.assert_allclose(resize_positions(np.full((4, 2), 3.0), (2, 2), (5, 1)), np.full((5, 2), 3.0), rtol=1e-6)


@pytest.mark.parametrize(("old", "new"), [((3, 3), (4, 4)), ((2, 2), (0, 3))])
def test_other_numbers_of_positions_are_refused(old, new):
    with pytest.raises(ValueError, match=r"positions must have shape"):
        resize_positions(np.zeros((4, 2)), old, new)
