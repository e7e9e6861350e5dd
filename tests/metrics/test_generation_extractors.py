import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.metrics import FeatureExtractor, encoder_features

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype("uint8")


def test_pictures_go_through_in_batches():
    seen = []

    def extract(images):
        seen.append(len(images))
        return images.mean(axis=(1, 2))

    features = FeatureExtractor("mean colour", extract, batch_size=2)(PICTURES)
    assert seen == [2, 2, 1]
    np.testing.assert_allclose(features, PICTURES.mean(axis=(1, 2)), rtol=1e-6)


def test_an_encoders_pooled_output():
    encoder = mmzoo.build_convnet(image_size=8, widths=(4,), blocks=1)
    features = encoder_features(encoder, "untrained convnet", batch_size=2)(PICTURES)
    expected = encoder.predict({"images": PICTURES.astype("float32")}, verbose=0)["pooled"]
    np.testing.assert_allclose(features, expected, atol=1e-5)


def test_a_clips_image_tower(clip):
    size = clip.image_size
    pictures = np.random.default_rng(0).integers(0, 256, (3, *size, 3)).astype("uint8")
    features = encoder_features(clip.image_tower, "untrained CLIP")(pictures)
    np.testing.assert_allclose(features, clip.encode_image(pictures), atol=1e-5)


def test_pictures_of_another_size_are_scaled():
    encoder = mmzoo.build_convnet(image_size=8, widths=(4,), blocks=1)
    extractor = encoder_features(encoder, "untrained convnet")
    enlarged = PICTURES.repeat(4, axis=1).repeat(4, axis=2)
    scaled = keras.ops.image.resize(enlarged.astype("float32"), (8, 8), "bilinear", antialias=True)
    np.testing.assert_allclose(extractor(enlarged), extractor(keras.ops.convert_to_numpy(scaled)), atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FeatureExtractor("", np.asarray), "name must say something and batch_size be at least 1, received ''"),
        (
            lambda: FeatureExtractor("a", np.asarray)(PICTURES[0]),
            r"images must have shape \(N, H, W, 3\), received \(8, 8, 3\)",
        ),
        (lambda: FeatureExtractor("a", np.asarray)(PICTURES), r"extract must give \(B, D\), a row a picture"),
        (
            lambda: encoder_features(keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()]), "a"),
            "encoder must give pooled or image_embeds, received outputs",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
