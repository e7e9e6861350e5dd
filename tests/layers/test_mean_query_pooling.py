"""CLIP's attention pooling, by hand; test_clip_resnet compares it with open_clip's."""

import keras
import numpy as np
import pytest

from mmzoo.layers import MeanQueryPooling


def test_without_scores_it_is_the_mean_of_the_mean_and_the_places():
    layer = MeanQueryPooling(2)
    layer.build((None, 3, 4))
    layer.query.kernel.assign(np.zeros((4, 4)))  # all scores 0: each of the four tokens weighs a quarter
    layer.value.kernel.assign(np.eye(4))
    layer.positions.assign(np.array([[4.0] * 4, [0] * 4, [0] * 4, [0] * 4]))
    sequence = np.array([[[3.0, 0, 0, 0], [0, 6, 0, 0], [0, 0, 0, 9]]], "float32")
    # the mean is (1, 2, 0, 3); with its position (5, 6, 4, 7)
    np.testing.assert_allclose(np.asarray(layer(sequence)), [[2, 3, 1, 4]], atol=1e-6)


def test_config_round_trip_and_shape():
    layer = MeanQueryPooling.from_config(MeanQueryPooling(2, name="pool").get_config())
    assert (layer.num_heads, layer.name) == (2, "pool")
    assert layer(keras.Input((3, 4))).shape == (None, 4)


@pytest.mark.parametrize(
    ("heads", "shape", "message"),
    [(3, (None, 3, 4), "multiple of num_heads=3"), (2, (None, None, 4), "a fixed length"), (0, None, "at least 1")],
)
def test_what_cannot_be_built_is_refused(heads, shape, message):
    with pytest.raises(ValueError, match=message):
        MeanQueryPooling(heads).build(shape)
