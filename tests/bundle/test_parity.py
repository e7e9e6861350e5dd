import numpy as np
import pytest

from mmzoo.bundle.parity import compare


def parity(expected, actual, **options):
    return compare({"y": np.array(expected, "float32")}, {"y": np.array(actual, "float32")}, **options)


def test_the_largest_difference_and_the_smallest_cosine_of_all_rows_count():
    result = parity([[1, 0], [3, 4]], [[1, 0.5], [4, 3]])
    assert result.max_abs_diff == 1.0
    assert result.min_cosine == pytest.approx(1 / np.hypot(1, 0.5))  # the second row's is 24 / 25


def test_the_worst_of_several_outputs_counts():
    a, b = np.ones((2, 3)), np.full((2, 3), 1.25)
    assert compare({"a": a, "b": a}, {"a": a, "b": b}).max_abs_diff == 0.25


def test_rtol_excuses_differences_in_proportion_to_the_value():
    assert parity([[100.0, 1.0]], [[101.0, 1.0]], rtol=0.01).excess == pytest.approx(0, abs=1e-6)
    assert parity([[100.0, 1.0]], [[101.0, 1.0]]).excess == 1.0


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("both", [False, True])
def test_what_is_not_finite_never_passes(wrong, both):
    result = parity([[wrong if both else 1.0, 2.0], [1.0, 2.0]], [[wrong, 2.0], [1.0, 2.0]])
    assert not result.within(atol=1e30, min_cosine=-1)


def test_one_number_a_row_is_compared_as_a_column():
    assert parity([[1e-9], [1.0]], [[-1e-9], [1.0]]).min_cosine == pytest.approx(1.0)


def test_rows_of_zeros_have_no_direction():
    assert parity([[0, 0], [1, 0]], [[0, 1e-9], [1, 0]]).min_cosine == 1.0


def test_a_row_that_became_zero_has_cosine_zero():
    assert parity([[1, 1]], [[0, 0]]).min_cosine == 0.0


def test_whole_numbers_and_truth_values_are_compared_without_wrapping_around():
    assert compare({"y": np.array([[0, 1]], "uint8")}, {"y": np.array([[255, 1]], "uint8")}).max_abs_diff == 255
    assert compare({"y": np.array([[True, False]])}, {"y": np.array([[True, True]])}).max_abs_diff == 1


def test_both_bars_must_hold():
    result = parity([[1.0, 0.0]], [[1.0, 0.1]])
    assert result.within(atol=0.11, min_cosine=0.99)
    assert not result.within(atol=0.09, min_cosine=0.99)
    assert not result.within(atol=0.11, min_cosine=0.999)


def test_other_names_and_shapes_cannot_be_compared():
    with pytest.raises(ValueError, match=r"outputs must be \['y'\], received \['z'\]"):
        compare({"y": np.ones((1, 2))}, {"z": np.ones((1, 2))})
    with pytest.raises(ValueError, match=r"y must have shape \(1, 2\), received \(3, 2\)"):
        compare({"y": np.ones((1, 2))}, {"y": np.ones((3, 2))})


def test_strings_are_the_same_or_not():
    expected = {"captions": np.array(["caf\u00e9", "", "a"])}
    same = compare(expected, {"captions": np.array(["caf\u00e9".encode(), b"", b"a\0"], object)})
    assert (same.max_abs_diff, same.min_cosine, same.excess) == (0, 1, 0)
    other = compare(expected, {"captions": np.array(["cafe", "", "a"], object)})
    assert (other.max_abs_diff, other.min_cosine, other.excess) == (1, 0, 1)
