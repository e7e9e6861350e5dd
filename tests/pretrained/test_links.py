"""A tensor's way into Keras's layout and back, bit by bit."""

import keras
import ml_dtypes
import numpy as np
import pytest

from mmzoo.pretrained.links import Link, from_stored, row_size, stored_shape, to_stored


def variable(*shape, dtype="float32"):
    return keras.Variable(np.zeros(shape), dtype=dtype)


def load(link, stored):
    for target, value in zip(link.variables, from_stored(link, [stored]), strict=True):
        assert value.shape == tuple(target.shape)
        target.assign(value)


def test_a_dense_kernel_is_transposed():
    link = Link("weight", (variable(2, 3),), "dense")
    assert stored_shape(link) == (3, 2)
    (value,) = from_stored(link, [np.array([[1, 2], [3, 4], [5, 6]], "float32")])
    np.testing.assert_array_equal(value, [[1, 3, 5], [2, 4, 6]])


def test_a_convolution_gives_what_torch_defines():
    """An output channel is the sum over inputs and places of its weights (O, I, H, W)."""
    link = Link("weight", (variable(2, 3, 4, 5),), "conv")
    assert stored_shape(link) == (5, 4, 2, 3)
    stored = np.random.default_rng(0).normal(size=(5, 4, 2, 3)).astype("float32")
    (value,) = from_stored(link, [stored])
    picture = np.random.default_rng(1).normal(size=(1, 2, 3, 4)).astype("float32")
    expected = np.einsum("hwi,oihw->o", picture[0], stored)
    np.testing.assert_allclose(np.ravel(keras.ops.conv(picture, value)), expected, rtol=1e-5)


def test_fused_tensors_are_cut_along_their_first_axis():
    link = Link("in_proj_weight", tuple(variable(2, 2) for _ in range(3)), "dense")
    assert stored_shape(link) == (6, 2)
    query, key, value = from_stored(link, [np.arange(12, dtype="float32").reshape(6, 2)])
    np.testing.assert_array_equal(query, [[0, 2], [1, 3]])
    np.testing.assert_array_equal(key, [[4, 6], [5, 7]])
    np.testing.assert_array_equal(value, [[8, 10], [9, 11]])


@pytest.mark.parametrize(("inner", "outer"), [((4,), (1, 1, 4)), ((), (1,)), ((3, 4), (1, 3, 4))])
def test_axes_of_one_come_and_go(inner, outer):
    link = Link("probe", (variable(*inner),), shape=outer)
    stored = np.arange(np.prod(outer), dtype="float32").reshape(outer)
    load(link, stored)
    np.testing.assert_array_equal(np.ravel(link.variables[0].numpy()), np.ravel(stored))
    np.testing.assert_array_equal(to_stored(link), stored, strict=True)


LAYOUTS = {
    "scalar": ((), 1, "same"),
    "bias": ((5,), 3, "same"),
    "embedding": ((37, 3), 1, "same"),
    "kernel": ((3, 37), 1, "dense"),
    "fused kernel": ((5, 37), 3, "dense"),
    "convolution": ((3, 2, 4, 33), 1, "conv"),
}


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_bit_comes_back(name, dtype):
    """Also of NaNs, infinities, negative zeros and the smallest numbers: the bits are drawn, not the values."""
    shape, parts, layout = LAYOUTS[name]
    link = Link(name, tuple(variable(*shape, dtype=dtype) for _ in range(parts)), layout)
    bits = {"float32": np.uint32, "float16": np.uint16, "bfloat16": np.uint16}[dtype]
    size = int(np.prod(stored_shape(link)))
    drawn = np.random.default_rng(0).integers(0, np.iinfo(bits).max, size, bits, endpoint=True)
    stored = drawn.view(dtype).reshape(stored_shape(link))
    load(link, stored)
    returned = to_stored(link, dtype)
    assert returned.shape == stored.shape
    np.testing.assert_array_equal(returned.view(bits), stored.view(bits))


@pytest.mark.parametrize("rows", [1, 2, 7, 16, 17])
def test_pieces_of_any_number_of_rows_make_the_same_tensor(rows):
    link = Link("in_proj_weight", tuple(variable(3, 19) for _ in range(2)), "dense")
    stored = np.random.default_rng(0).normal(size=stored_shape(link)).astype("float32")
    whole = from_stored(link, [stored])
    flat, step = stored.reshape(-1), rows * row_size(link)
    pieces = from_stored(link, (flat[start : start + step] for start in range(0, flat.size, step)))
    np.testing.assert_array_equal(pieces, whole)
    np.testing.assert_array_equal(np.concatenate([part.T for part in whole]), stored)


@pytest.mark.parametrize(("stored", "kept"), [("float16", "float32"), ("float64", "float32"), ("float32", "bfloat16")])
def test_values_are_rounded_to_the_dtype_of_the_variable(stored, kept):
    link = Link("weight", (variable(3, dtype=kept),))
    values = np.array([1 / 3, -2.5, 1e-3], stored)
    (value,) = from_stored(link, [values])
    assert value.dtype == np.dtype(kept)
    np.testing.assert_array_equal(value, values.astype(kept))


def test_a_value_that_would_become_infinite_is_refused_on_the_way_in():
    with pytest.raises(ValueError, match=r"weight must fit into float16, received a value of 7e\+04"):
        from_stored(Link("weight", (variable(2, dtype="float16"),)), [np.array([1, -7e4], "float32")])


def test_a_value_that_would_become_infinite_is_refused_on_the_way_out():
    link = Link("weight", (variable(2),))
    link.variables[0].assign([7e4, np.inf])
    with pytest.raises(ValueError, match=r"weight must fit into float16, received a value of 7e\+04"):
        to_stored(link, "float16")
    assert to_stored(link, "bfloat16").dtype == ml_dtypes.bfloat16


def test_infinity_itself_is_kept():
    (value,) = from_stored(Link("weight", (variable(2, dtype="float16"),)), [np.array([np.inf, np.nan], "float32")])
    np.testing.assert_array_equal(value, np.array([np.inf, np.nan], "float16"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((2, 3), 1, "transposed", None), "layout of w must be one of same, dense, conv"),
        (((2, 3, 4), 1, "dense", None), "variables of w must be equal parts for 'dense'"),
        (((), 2, "same", None), "variables of w must be equal parts"),
        (((2, 3), 1, "same", (3, 2)), r"shape of w must be \(2, 3\) but for ones"),
    ],
)
def test_links_that_mean_nothing_are_refused(arguments, message):
    shape, parts, layout, stored = arguments
    with pytest.raises(ValueError, match=message):
        Link("w", tuple(variable(*shape) for _ in range(parts)), layout, stored)


def test_unequal_parts_are_refused():
    with pytest.raises(ValueError, match="must be equal parts"):
        Link("w", (variable(2), variable(3)))
