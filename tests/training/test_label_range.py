"""Labels that cannot be, found in memory and on the device."""

import keras
import numpy as np
import pytest

from mmzoo.training.label_range import LabelRange, check_label_range

NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        ([0, 2, 1], {}),
        ([[0], [2]], {}),
        ([], {}),
        ([True, False], {}),
        ([0.5, 2.0], {}),
        ([-1, 2], {"may_miss": True}),
        ([float("nan"), 1.0], {"may_miss": True}),
        ([-1, float("nan")], {"may_miss": True}),
    ],
)
def test_labels_from_zero_to_the_highest_are_let_through(labels, options):
    check_label_range(np.array(labels), 2, **options)
    check_label_range(np.array(labels) - 7, None, **options)


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([0, 3], {}, "labels must be from 0 to 2, received 0 to 3"),
        ([-1, 1], {}, "labels must be from 0 to 2, received -1 to 1"),
        ([[0.5, 2.5]], {}, "labels must be from 0 to 2, received 0.5 to 2.5"),
        ([0.0, 1.5], {"whole": True}, "labels must be whole numbers, received 1.5"),
        ([-1, -2], {"may_miss": True}, "from 0 to 2, or -1 where there is none, received -2 to -2"),
        ([3], {"of": "mood"}, "labels of mood must be from 0 to 2, received 3 to 3"),
    ],
)
def test_others_are_refused_in_a_sentence(labels, options, message):
    with pytest.raises(ValueError, match=message):
        check_label_range(np.array(labels), 2, **options)


@pytest.mark.parametrize("highest", [2, None])
@pytest.mark.parametrize(
    ("labels", "may_miss", "message"),
    [
        ([NAN, 1.0], False, "labels of mood must be finite, received nan or infinity: a MultiTask"),
        ([NAN, NAN], False, "must be finite, received nan or infinity"),
        ([1.0, -INFINITY], False, "must be finite, received nan or infinity"),
        ([NAN, INFINITY], True, "labels of mood must be finite, or nan where there is none, received infinity"),
    ],
)
def test_what_is_not_finite_is_refused_in_memory_and_on_the_device(labels, may_miss, message, highest):
    with pytest.raises(ValueError, match=message):
        check_label_range(np.array(labels), highest, may_miss=may_miss, of="mood")
    seen = LabelRange(may_miss=may_miss)
    for batch in ([0.0, 1.0], labels, [0.0, 1.0]):
        seen.update_state(keras.ops.convert_to_tensor(batch), highest)
    with pytest.raises(ValueError, match=message):
        seen.check("mood")


@pytest.mark.parametrize(
    ("batches", "may_miss", "received"),
    [
        ([[0, 1], [2, 1]], False, None),
        ([[0, 1], [3, 1], [0, 0]], False, "0 to 3"),
        ([[1, 1], [-1, 1]], False, "-1 to 1"),
        ([[1, 1], [-1, 2]], True, None),
        ([[float("nan"), 1.0], [0.0, 5.0]], True, "0 to 5"),
    ],
)
def test_the_metric_remembers_the_whole_epoch(batches, may_miss, received):
    seen = LabelRange(may_miss=may_miss)
    for labels in batches:
        seen.update_state(keras.ops.convert_to_tensor(labels), 2)
    assert seen.result() == {}
    if received:
        with pytest.raises(ValueError, match=f"received {received}"):
            seen.check()
        seen.reset_state()
    seen.check()


def test_what_has_no_highest_may_be_any_finite_number():
    seen = LabelRange(may_miss=True)
    seen.update_state(keras.ops.convert_to_tensor([-5.0, 7.0, NAN]), None)
    seen.check()


def test_a_config_rebuilds_it():
    assert LabelRange.from_config(LabelRange("mood", may_miss=True).get_config()).may_miss
