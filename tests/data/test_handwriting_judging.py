import numpy as np
import pytest

from mmzoo.data import digits, judge_digits


def test_real_digits_are_what_they_are():
    test = digits("test")
    report = judge_digits(test.images, test.labels)
    assert report.right == report.on_real >= 0.97
    assert report.count == 359
    right = [each * (test.labels == digit).sum() for digit, each in enumerate(report.per_digit)]
    assert sum(right) / 359 == pytest.approx(report.right)


def test_other_digits_are_wrong():
    test = digits("test")
    assert judge_digits(test.images, (test.labels + 1) % 10).right < 0.02


def test_a_digit_that_was_not_asked_for_has_no_share():
    test = digits("test")
    chosen = test.images[test.labels == 3]
    report = judge_digits(chosen, [3] * len(chosen))
    assert [digit for digit, share in enumerate(report.per_digit) if share is not None] == [3]


@pytest.mark.parametrize(
    ("pictures", "wanted", "message"),
    [
        (np.zeros((2, 28, 28, 3)), [1, 2], r"pictures must have shape \(N, 32, 32, 3\), received \(2, 28, 28, 3\)"),
        (np.zeros((2, 32, 32, 3)), [1], "wanted must be 2 digits from 0 to 9"),
        (np.zeros((1, 32, 32, 3)), [10], "wanted must be 1 digits from 0 to 9"),
    ],
)
def test_bad_input_is_refused(pictures, wanted, message):
    with pytest.raises(ValueError, match=message):
        judge_digits(pictures, wanted)
