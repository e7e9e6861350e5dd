import keras
import numpy as np
import pytest

from mmzoo.bundle.parity import compare
from mmzoo.exporters.contrast import flat_outputs, lost_contrast

GENERATOR = np.random.default_rng(0)


def untrained_probabilities(spread=1.0):
    """What an untrained classifier of 1000 classes answers to 8 pictures: 0.001, and a thousandth more or less."""
    x = keras.layers.Dense(1000, kernel_initializer=keras.initializers.RandomNormal(0, spread * 1e-3))
    return keras.ops.convert_to_numpy(keras.ops.softmax(x(GENERATOR.normal(size=(8, 16)))))


def test_a_file_that_ignores_its_pictures_passes_the_bars_of_value_and_direction_alone():
    expected = untrained_probabilities()
    actual = np.broadcast_to(expected.mean(0), expected.shape)
    parity = compare({"p": expected}, {"p": actual})
    assert parity.within(atol=1e-4, min_cosine=0.9999)
    assert lost_contrast({"p": expected}, {"p": actual})["p"] == pytest.approx(1)


def test_answers_of_other_samples_are_noticed():
    expected = untrained_probabilities()
    assert lost_contrast({"p": expected}, {"p": np.roll(expected, 1, axis=0)})["p"] > 1


def test_the_share_is_the_error_by_the_deviation_of_the_samples():
    # Deviations of 1 around the mean 11, and an error of 0.1 everywhere.
    found = lost_contrast({"y": np.array([[10.0, 12], [12, 10]])}, {"y": np.array([[10.1, 12.1], [12.1, 10.1]])})
    assert found == {"y": pytest.approx(0.1)}
    assert lost_contrast({"y": np.array([[10.0], [12]])}, {"y": np.array([[10.04], [12.04]])}) == {}


def test_the_rounding_of_float32_is_excused():
    expected = untrained_probabilities()
    assert lost_contrast({"p": expected}, {"p": expected * (1 + 1e-6)}) == {}
    noise = 5e-8 * GENERATOR.normal(size=(2, 8, 3))  # of values that cancelled out
    assert lost_contrast({"y": noise[0]}, {"y": noise[1]}) == {}


def test_nan_is_never_excused():
    assert "y" in lost_contrast({"y": np.array([[1.0], [2.0]])}, {"y": np.array([[np.nan], [2.0]])})


def test_outputs_that_hardly_depend_on_the_samples_are_named():
    outputs = {
        "constant": np.full((8, 1000), 0.001, "float32"),
        "faded": untrained_probabilities(spread=0.01),
        "untrained": untrained_probabilities(),
        "truth": np.arange(8) > 3,
    }
    assert flat_outputs(outputs) == ("constant", "faded")


def test_one_sample_has_no_other_to_be_told_from():
    assert flat_outputs({"y": np.ones((1, 3))}) == ()
    assert lost_contrast({"y": np.ones((1, 3))}, {"y": np.zeros((1, 3))}) == {}


def test_an_output_that_is_the_same_for_all_is_judged_by_its_size():
    expected = {"y": np.full((4, 3), 10.0)}
    assert lost_contrast(expected, {"y": np.full((4, 3), 10.1)}) == {}
    assert lost_contrast(expected, {"y": np.full((4, 3), 16.0)}) == {"y": pytest.approx(0.6)}


def test_of_logits_what_tells_a_samples_own_values_apart_counts():
    # Every text begins alike: samples differ by 0.01 around logits that differ by 10.
    expected = {"logits": np.array([[0.0, 10], [0.01, 10.01]]), "y": np.array([[0.0], [1]])}
    actual = {"logits": expected["logits"] + 0.1, "y": expected["y"]}
    assert lost_contrast(expected, actual)["logits"] == pytest.approx(20)
    assert lost_contrast(expected, actual, choices=("logits",)) == {}
    worse = {"logits": expected["logits"][:, ::-1], "y": expected["y"]}
    assert lost_contrast(expected, worse, choices=("logits",))["logits"] == pytest.approx(2)


def test_strings_have_no_contrast():
    assert lost_contrast({"t": np.array(["a", "b"])}, {"t": np.array([b"a", b"c"], object)}) == {}
