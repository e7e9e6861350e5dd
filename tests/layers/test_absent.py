import keras
import numpy as np
import pytest

from mmzoo.layers import Absent, StandIn

RNG = np.random.default_rng(0)
TEXT = {
    "sequence": RNG.normal(size=(3, 4, 6)).astype("float32"),
    "pooled": RNG.normal(size=(3, 5)).astype("float32"),
    "mask": np.array([[1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]], bool),
}
IMAGE = {"sequence": TEXT["sequence"], "pooled": TEXT["pooled"]}
VECTOR = np.arange(5, dtype="float32")


def filled(encoded, present=None):
    layer = Absent()
    layer(encoded, present)
    layer.vector.assign(VECTOR)
    return {name: np.asarray(value) for name, value in layer(encoded, present).items()}


def test_a_caption_of_padding_alone_is_replaced():
    found = filled(TEXT)
    np.testing.assert_array_equal(found["pooled"], [TEXT["pooled"][0], VECTOR, TEXT["pooled"][2]])
    np.testing.assert_array_equal(found["sequence"], TEXT["sequence"] * [[[1]], [[0]], [[1]]])
    np.testing.assert_array_equal(found["mask"], TEXT["mask"])


def test_what_is_not_present_is_replaced_whatever_it_holds():
    nothing = np.full((3, 5), np.nan, "float32")
    present = np.array([True, True, False])
    found = filled(TEXT, present)
    np.testing.assert_array_equal(found["pooled"], [TEXT["pooled"][0], VECTOR, VECTOR])
    np.testing.assert_array_equal(found["mask"], [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    image = filled(IMAGE | {"pooled": np.where(present[:, None], IMAGE["pooled"], nothing)}, present)
    np.testing.assert_array_equal(image["pooled"], [IMAGE["pooled"][0], IMAGE["pooled"][1], VECTOR])
    assert "mask" not in image


def test_a_picture_is_there_unless_it_is_said_not_to_be():
    found = filled(IMAGE)
    for name, value in IMAGE.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_shapes_and_dtypes_are_known_before(policy):
    layer = Absent(dtype=policy)
    inputs = {name: keras.Input(value.shape[1:], dtype=value.dtype, name=name) for name, value in TEXT.items()}
    spec, found = layer(inputs), layer(TEXT)
    for name, value in found.items():
        assert spec[name].shape == (None, *value.shape[1:])
        assert spec[name].dtype == keras.backend.standardize_dtype(value.dtype)


def test_the_vector_is_saved(tmp_path):
    inputs = {name: keras.Input(value.shape[1:], dtype=value.dtype, name=name) for name, value in TEXT.items()}
    model = keras.Model(inputs, Absent()(inputs))
    model.save(tmp_path / "absent.keras")
    again = keras.saving.load_model(tmp_path / "absent.keras")
    np.testing.assert_array_equal(np.asarray(again(TEXT)["pooled"]), np.asarray(model(TEXT)["pooled"]))


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ([1, 1, 1, 1, 1], [0, 1, 2, 3, 4]),
        ([0, 1, 0, 1, 0], [1, 1, 3, 3, 1]),
        ([1, 0, 0, 0, 0], [0, 0, 0, 0, 0]),
        ([0, 0, 0, 0, 0], [0, 0, 0, 0, 0]),
    ],
)
def test_pictures_that_are_there_stand_in_by_turns_in_training(present, expected):
    images = np.arange(5, dtype="float32").reshape(5, 1, 1, 1) * np.ones((1, 2, 2, 3), "float32")
    present = np.array(present, bool)
    found = np.asarray(StandIn()(images, present, training=True))
    assert found[:, 0, 0, 0].tolist() == expected
    np.testing.assert_array_equal(np.asarray(StandIn()(images, present, training=False)), images)
