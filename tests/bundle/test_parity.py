import io

import numpy as np
import pytest
from PIL import Image

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


def pictures(expected, actual, dtype="uint8"):
    rows = (np.array(values, dtype)[:, None, :, None].repeat(3, axis=-1) for values in (expected, actual))
    return dict(zip(("expected", "actual"), ({"y": each} for each in rows), strict=True)), {"pictures": ("y",)}


def test_whole_numbers_of_a_picture_may_be_rounded_the_other_way():
    given, named = pictures([[7, 100, 255, 9]], [[7, 101, 255, 9]])
    result = compare(**given, **named)
    assert (result.max_abs_diff, result.excess, result.mean_levels) == (1, 0, 0.25)
    assert compare(**given).excess == 1  # other whole numbers may not
    given, named = pictures([[7, 100]], [[7, 102]])
    assert compare(**given, **named).excess == 1
    given, named = pictures([[7, 100]], [[7, 100.5]], "float32")
    assert compare(**given, **named).excess == 0.5
    given, named = pictures([[7, np.inf]], [[7, np.inf]], "float32")
    assert np.isnan(compare(**given, **named).mean_levels)


def test_a_black_picture_has_no_direction():
    given, named = pictures([[0, 0, 0, 0]], [[0, 1, 0, 0]])
    assert compare(**given, **named).min_cosine == 1
    assert compare(**given).min_cosine == 0


def test_png_files_are_compared_by_their_pixels():
    def png(level, **options):
        buffer = io.BytesIO()
        Image.fromarray(np.full((2, 2, 3), level, np.uint8)).save(buffer, "PNG", **options)
        return buffer.getvalue()

    same = np.array([png(90, compress_level=0)]), np.array([png(90, compress_level=9)], object)
    assert same[0][0] != same[1][0]
    result = compare({"y": same[0]}, {"y": same[1]}, pictures=("y",))
    assert (result.max_abs_diff, result.min_cosine, result.mean_levels) == (0, pytest.approx(1), 0)
    assert compare({"y": same[0]}, {"y": np.array([png(95)])}, pictures=("y",)).max_abs_diff == 5
