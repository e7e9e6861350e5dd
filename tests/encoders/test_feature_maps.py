"""Maps inside encoders, by which a discriminator looks through them."""

import keras
import numpy as np
import pytest

from mmzoo import build_convnet, build_resnet, build_vit
from mmzoo.encoders.feature_maps import feature_maps

PICTURES = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")


@pytest.mark.parametrize(
    ("encoder", "shapes"),
    [
        (lambda: build_convnet(image_size=32, widths=(4, 6)), [(16, 16, 4), (8, 8, 6)]),
        (lambda: build_vit(image_size=32, patch_size=8, width=8, depth=4, num_heads=2), [(4, 4, 8)] * 3),
        (lambda: build_vit(image_size=32, patch_size=8, width=8, depth=2, num_heads=2), [(4, 4, 8)] * 2),
        (
            lambda: build_resnet(image_size=32, stem_width=4, widths=(8, 8), depths=(1, 1), block="basic"),
            [(16, 16, 4), (8, 8, 8), (4, 4, 8)],
        ),
    ],
)
def test_maps_go_from_fine_to_coarse_and_end_in_the_encoders_own(encoder, shapes):
    encoder = encoder()
    maps = feature_maps(encoder)({"images": PICTURES}, training=False)
    assert [tuple(found.shape[1:]) for found in maps] == shapes


def test_the_last_map_of_a_convolutional_network_is_its_sequence():
    encoder = build_convnet(image_size=32, widths=(4, 6))
    *_, last = feature_maps(encoder)({"images": PICTURES}, training=False)
    sequence = encoder({"images": PICTURES}, training=False)["sequence"]
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(last).reshape(2, 64, 6), sequence)


def test_an_encoder_without_maps_is_refused():
    images = keras.Input((8, 8, 3), name="images")
    encoder = keras.Model({"images": images}, {"pooled": keras.layers.Flatten()(images)})
    with pytest.raises(ValueError, match="image_encoder must be a convolutional network or a vision transformer"):
        feature_maps(encoder)
