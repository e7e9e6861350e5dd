"""Labels that cannot be, found in memory and on the device."""

import keras
import numpy as np
import pytest

from mmzoo.training.label_range import LabelRange, check_label_range


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


def test_what_has_no_highest_is_not_looked_at():
    seen = LabelRange()
    seen.update_state(keras.ops.convert_to_tensor([-5.0, 7.0]), None)
    seen.check()


def test_a_config_rebuilds_it():
    assert LabelRange.from_config(LabelRange("mood", may_miss=True).get_config()).may_miss
