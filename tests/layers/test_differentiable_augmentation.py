import keras
import numpy as np
import pytest
from keras import ops

from mmzoo.layers import DifferentiableAugmentation
from mmzoo.training.gradients import input_gradients

PICTURES = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3)).astype("float32")
DRAWS = np.array([[0.0, 0.999, 0.0, 0.0, 0.0, 0.999]] * 2 + [[0.9, 0.0, 0.999, 0.999, 0.999, 0.0]] * 2, "float32")


def changed(**options):
    return ops.convert_to_numpy(DifferentiableAugmentation(**options)(PICTURES, DRAWS))


def test_nothing_is_changed_unless_asked():
    np.testing.assert_array_equal(changed(), PICTURES)


def test_half_are_mirrored():
    found = changed(flip=True)
    np.testing.assert_array_equal(found[:2], PICTURES[:2, :, ::-1])
    np.testing.assert_array_equal(found[2:], PICTURES[2:])


def test_a_translation_repeats_the_edge():
    found = changed(translation=0.25)  # two pixels at most
    np.testing.assert_allclose(found[0, :6, 2:], PICTURES[0, 2:, :6], rtol=1e-6)
    np.testing.assert_allclose(found[0, 7, 2:], PICTURES[0, 7, :6], rtol=1e-6)
    np.testing.assert_allclose(found[2, 2:, :6], PICTURES[2, :6, 2:], rtol=1e-6)
    np.testing.assert_allclose(found[2, 0, :6], PICTURES[2, 0, 2:], rtol=1e-6)


def test_a_square_is_cut_out_within_the_picture():
    found = changed(cutout=0.5)
    assert (found[0, :4, :4] == 127.5).all()
    assert (found[2, 4:, 4:] == 127.5).all()
    assert [(each == 127.5).sum() for each in found] == [48] * 4


def test_brightness_changes_all_alike():
    np.testing.assert_allclose(changed(brightness=0.1)[2:], PICTURES[2:] - 25.5, rtol=1e-5)


def test_gradients_go_through():
    layer = DifferentiableAugmentation(flip=True, translation=0.25, cutout=0.5, brightness=0.1)
    _, (gradient,) = input_gradients(lambda x: ops.sum(layer(x, DRAWS)), ops.convert_to_tensor(PICTURES))
    gradient = ops.convert_to_numpy(gradient)
    assert gradient.min() == 0
    assert gradient.sum() == pytest.approx(4 * (64 - 16) * 3)


def test_the_same_seed_draws_the_same():
    first, second = (ops.convert_to_numpy(DifferentiableAugmentation(seed=5).draw(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (3, 6)
    assert keras.backend.standardize_dtype(first.dtype) == "float32"


def test_a_share_out_of_range_is_refused():
    with pytest.raises(ValueError, match="cutout must be at least 0 and below 1, received 1"):
        DifferentiableAugmentation(cutout=1)
