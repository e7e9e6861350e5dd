import keras
import numpy as np
import pytest

from mmzoo.exporters.samples import first_parts, goldens_of, sample_inputs
from mmzoo.signature import Part, TensorSpec


def drawn(spec, samples=None):
    return sample_inputs({"p": Part(None, (spec,))}, samples)["p"][spec.name]


def test_whole_numbers_cover_their_range_and_stay_in_it():
    values = drawn(TensorSpec("x", (None, 1000), "uint8", (3, 5)))
    assert values.dtype == "uint8"
    assert np.unique(values).tolist() == [3, 4, 5]


def test_whole_numbers_without_a_range_are_0_and_1():
    assert np.unique(drawn(TensorSpec("x", (None, 50), "int32"))).tolist() == [0, 1]


def test_floats_lie_in_their_range():
    values = drawn(TensorSpec("x", (None, 1000), "float32", (0, 255)))
    assert values.shape == (8, 1000)
    assert 0 <= values.min() < 5
    assert 250 < values.max() <= 255


def test_pictures_without_a_range_are_drawn_in_both_conventions():
    values = drawn(TensorSpec("x", (None, 32, 32, 3), "float32"))
    assert -1 <= values[:4].min() < -0.9
    assert 0.9 < values[:4].max() <= 1
    assert 0 <= values[4:].min() < 5
    assert 250 < values[4:].max() <= 255
    assert np.abs(drawn(TensorSpec("x", (None, 32, 32, 8), "float32"))).max() <= 1


def test_truth_values_are_drawn():
    assert np.unique(drawn(TensorSpec("mask", (None, 50), "bool"))).tolist() == [False, True]


def test_free_axes_get_a_length():
    assert drawn(TensorSpec("x", (None, None, None, 3), "float32")).shape == (8, 96, 96, 3)
    assert drawn(TensorSpec("x", (None, None), "int32")).shape == (8, 16)


def test_strings_cannot_be_drawn():
    with pytest.raises(ValueError, match="input text must hold numbers"):
        drawn(TensorSpec("text", (None,), "string"))


def test_given_samples_get_the_declared_dtype():
    values = drawn(TensorSpec("x", (None, 2), "int32"), {"x": np.array([[1, 2]], "int64")})
    assert values.dtype == "int32"


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({"y": np.ones((1, 2))}, r"samples must have the inputs \['x'\], received \['y'\]"),
        ({"x": np.ones((1, 3))}, r"sample x must have shape \(None, 2\), received \(1, 3\)"),
        ({"x": np.ones((0, 2))}, "one length, at least 1"),
        ({"x": np.full((1, 2), 0.5)}, r"sample x must hold values of dtype uint8, received others \(float64\)"),
        ({"x": np.full((1, 2), 256)}, "sample x must hold values of dtype uint8"),
    ],
)
def test_samples_that_do_not_fit_are_refused(samples, message):
    with pytest.raises(ValueError, match=message):
        drawn(TensorSpec("x", (None, 2), "uint8"), samples)


def test_samples_of_two_lengths_are_refused():
    specs = (TensorSpec("x", (None, 1), "float32"), TensorSpec("y", (None, 1), "float32"))
    with pytest.raises(ValueError, match=r"one length, at least 1, received \{'x': 1, 'y': 2\}"):
        sample_inputs({"p": Part(None, specs)}, {"x": np.ones((1, 1)), "y": np.ones((2, 1))})


def test_a_part_that_goes_on_from_another_is_proven_with_what_that_gave():
    x, y, k = keras.Input((2,), name="x"), keras.Input((2,), name="y"), keras.Input((), dtype="int32", name="k")
    double = keras.Model({"x": x}, {"y": keras.layers.Rescaling(2.0)(x)})
    more = keras.Model({"y": y, "k": k}, {"z": keras.layers.Rescaling(1.0, 1.0)(y)})
    parts = {
        "double": Part(double, (TensorSpec("x", (None, 2), "float32"),)),
        "more": Part(more, (TensorSpec("y", (None, 2), "float32"), TensorSpec("k", (None,), "int32", (5, 6)))),
    }
    assert list(first_parts(parts)) == ["double"]
    inputs = sample_inputs(first_parts(parts), {"x": np.arange(6.0).reshape(3, 2)})
    golden = goldens_of(parts, inputs)["more"]
    assert golden.inputs["y"].tolist() == [[0, 2], [4, 6], [8, 10]]
    assert golden.outputs["z"].tolist() == [[1, 3], [5, 7], [9, 11]]
    assert set(golden.inputs["k"].tolist()) <= {5, 6}
