"""Networks of keras.applications, judged by keras.applications' own preprocessing and the networks themselves."""

import socket
import sys

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_application
from mmzoo.encoders.application import APPLICATIONS, PIXELS
from mmzoo.layers import ImageNormalization

PICTURES = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("uint8")


@pytest.mark.parametrize("name", APPLICATIONS)
def test_pixels_are_those_of_the_network_s_own_preprocessing(name):
    row = APPLICATIONS[name]
    expected = sys.modules[row.build.__module__].preprocess_input(PICTURES.astype("float32"))
    found = np.asarray(ImageNormalization(**PIXELS[row.pixels])(PICTURES))
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=1e-6)


@pytest.fixture(scope="module")
def encoders():
    return {name: build_application(name, image_size=32) for name in ("vgg16", "mobilenet")}


def network_of(encoder):
    return next(layer for layer in encoder.layers if isinstance(layer, keras.Model))


@pytest.mark.parametrize("name", ["vgg16", "mobilenet"])
def test_sequence_and_pooled_are_the_network_s_feature_map(encoders, name):
    preprocess_input = sys.modules[APPLICATIONS[name].build.__module__].preprocess_input
    pixels = keras.ops.convert_to_tensor(preprocess_input(PICTURES.astype("float32")))
    features = np.asarray(network_of(encoders[name])(pixels))
    found = encoders[name]({"images": PICTURES})
    scale = np.abs(features).max()
    rows = np.concatenate([features[:, row] for row in range(features.shape[1])], axis=1)
    np.testing.assert_allclose(np.asarray(found["sequence"]), rows, atol=1e-5 * scale)
    np.testing.assert_allclose(np.asarray(found["pooled"]), features.mean((1, 2)), atol=1e-5 * scale)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras builds them alike on every backend")
@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("resnet50", 2048),
        ("inception_v3", 2048),
        ("densenet121", 1024),
        ("efficientnet_v2_b0", 1280),
        ("convnext_tiny", 768),
    ],
)
def test_a_row_makes_its_network(name, width):
    with keras.StatelessScope():  # no variable is made, which would take most of the time
        encoder = build_application(name, image_size=96)
    assert encoder.output["pooled"].shape == (None, width)
    assert encoder.output["sequence"].shape == (None, 1 if name == "inception_v3" else 9, width)


def small_network(size=(32, 24), **options):
    images = keras.Input((*size, 3))
    x = keras.layers.Conv2D(4, 3, strides=8, **options)(images)
    return keras.Model(images, x, name="own")


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_a_network_of_one_s_own_sees_what_it_expects(mode):
    network = small_network((None, None))
    encoder = build_application(network, image_size=(32, 24), pixels=mode)
    pictures = PICTURES[:, :, :24]
    pixels = keras.applications.imagenet_utils.preprocess_input(pictures.astype("float32"), mode=mode)
    found = encoder({"images": pictures})
    np.testing.assert_allclose(np.asarray(found["sequence"]), np.reshape(network(pixels), (2, 12, 4)), atol=1e-3)


def test_none_leaves_pixels_alone():
    network = small_network()
    found = build_application(network, pixels="none")({"images": PICTURES[:, :, :24]})
    expected = np.reshape(network(PICTURES[:, :, :24].astype("float32")), (2, 12, 4))
    np.testing.assert_allclose(np.asarray(found["sequence"]), expected, rtol=1e-5, atol=1e-3)


def test_pictures_are_scaled_as_imagenet_s_were():
    preprocessing = build_application("vgg16").image_preprocessing
    assert (preprocessing.size, preprocessing.shortest_side) == ((224, 224), 256)
    assert (preprocessing.interpolation, preprocessing.fit) == ("bilinear", "crop")


def test_weights_come_from_a_file(encoders, tmp_path):
    network_of(encoders["mobilenet"]).save_weights(tmp_path / "net.weights.h5")
    loaded = build_application("mobilenet", image_size=64, weights=tmp_path / "net.weights.h5")
    for one, other in zip(encoders["mobilenet"].weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_the_encoder_survives_a_keras_file(tmp_path):
    encoder = build_application(small_network(), pixels="caffe")
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    pictures = PICTURES[:, :, :24]
    np.testing.assert_array_equal(
        np.asarray(loaded({"images": pictures})["pooled"]), np.asarray(encoder({"images": pictures})["pooled"])
    )
    assert loaded.image_preprocessing == encoder.image_preprocessing


def test_no_network_is_said(monkeypatch, tmp_path):
    def unreachable(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(OSError, match="'imagenet' must be downloaded by Keras, which failed"):
        build_application("vgg16", weights="imagenet")


def vector_network():
    images = keras.Input((32, 32, 3))
    return keras.Model(images, keras.layers.Flatten()(images))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: build_application("resnet"), ValueError, "one of vgg16, .*, received 'resnet'"),
        (lambda: build_application("vgg16", pixels="tf"), ValueError, "left out for vgg16, which expects 'caffe'"),
        (lambda: build_application("vgg16", weights="no.h5"), FileNotFoundError, "found no 'no.h5'"),
        (lambda: build_application("inception_v3", image_size=64), ValueError, "at least 75x75"),
        (lambda: build_application(small_network()), ValueError, "caffe, tf, torch, none, received None"),
        (lambda: build_application(small_network(), pixels="tf", weights="x"), ValueError, "None for a model"),
        (lambda: build_application(small_network(), pixels="tf", image_size=64), ValueError, r"network's \(32, 24\)"),
        (lambda: build_application(small_network((None, None)), pixels="tf"), ValueError, "for a network of any size"),
        (lambda: build_application(vector_network(), pixels="tf"), ValueError, "include_top=False"),
        (lambda: build_application(keras.Sequential([keras.Input((3,))]), pixels="tf"), ValueError, "one input of"),
        (lambda: ImageNormalization([0.0], [1.0], order="grb"), ValueError, "'rgb' or 'bgr', received 'grb'"),
    ],
)
def test_bad_arguments_get_one_sentence(make, error, message):
    with pytest.raises(error, match=message):
        make()
