from itertools import combinations

import numpy as np

from mmzoo.data.scenes.vocabulary import BACKGROUNDS, COLOURS, COMBINATIONS, HELD_OUT, SIZE_BOUNDARY, SIZES

SEEN = [combination for combination in COMBINATIONS if combination not in HELD_OUT]


def test_there_are_144_different_combinations():
    assert len(COMBINATIONS) == len(set(COMBINATIONS)) == 3 * 6 * 2 * 4


def test_an_eighth_is_held_out():
    assert len(HELD_OUT) == 144 // 8
    assert set(COMBINATIONS) >= HELD_OUT


def test_the_held_out_combinations_are_fixed():
    assert sorted(HELD_OUT)[:3] == [
        ("circle", "cyan", "large", "black"),
        ("circle", "green", "small", "white"),
        ("circle", "orange", "small", "blue"),
    ]


def test_every_value_pair_and_triple_is_seen_in_training():
    for fields in (fields for number in (1, 2, 3) for fields in combinations(range(4), number)):
        all_values = {tuple(combination[f] for f in fields) for combination in COMBINATIONS}
        assert {tuple(combination[f] for f in fields) for combination in SEEN} == all_values


def test_held_out_combinations_have_every_value():
    for field in range(4):
        assert {c[field] for c in HELD_OUT} == {c[field] for c in COMBINATIONS}


def test_no_word_is_a_colour_and_a_background():
    assert not set(COLOURS) & set(BACKGROUNDS)


def test_colours_are_far_apart():
    pairs = list(combinations(COLOURS.values(), 2))
    assert min(np.linalg.norm(np.subtract(a, b)) for a, b in pairs) > 85
    assert min(np.linalg.norm(np.subtract(a, b)) for a in COLOURS.values() for b in BACKGROUNDS.values()) > 115


def test_large_is_two_and_a_half_times_as_much_area():
    assert (SIZES["large"] / SIZES["small"]) ** 2 > 2.5
    assert SIZES["small"] * 1.06 < SIZE_BOUNDARY < SIZES["large"] * 0.94
