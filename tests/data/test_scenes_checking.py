import numpy as np
import pytest

from mmzoo.data.scenes.checking import check, compare
from mmzoo.data.scenes.description import Attributes, Description
from mmzoo.data.scenes.parsing import parse_caption
from mmzoo.data.scenes.reading import Refusal
from mmzoo.data.scenes.rendering import render
from mmzoo.data.scenes.scene import Object, Scene

ONE = Scene((Object("circle", "red", "large", 0.4, 0.6),), "blue")
TWO = Scene((Object("circle", "red", "large", 0.25, 0.5), Object("square", "green", "small", 0.8, 0.5)), "blue")


def verdict(agreement):
    return [name for name in ("shape", "colour", "size", "background", "relations") if not getattr(agreement, name)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a large red circle on a blue background", []),
        ("蓝色背景上的大红色圆形", []),
        ("a large red square on a blue background", ["shape"]),
        ("a large green circle on a blue background", ["colour"]),
        ("a small red circle on a blue background", ["size"]),
        ("a large red circle on a black background", ["background"]),
        ("a small green square on white", ["shape", "colour", "size", "background"]),
    ],
)
def test_each_attribute_is_judged_for_itself(text, wrong):
    agreement = check(render(ONE), parse_caption(text))
    assert verdict(agreement) == wrong
    assert agreement.all == (not wrong)


def test_what_is_not_claimed_is_not_wrong_but_not_complete():
    agreement = compare(parse_caption("a red circle"), ONE)
    assert agreement.all
    assert not agreement.complete


def test_objects_are_matched_in_any_order():
    agreement = compare(parse_caption("a small green square right of a large red circle on blue"), TWO)
    assert agreement.all
    assert agreement.complete


def test_a_false_relation_is_found_in_caption_and_picture():
    false = parse_caption("a small green square left of a large red circle on blue")
    assert verdict(compare(false, TWO)) == ["relations"]
    assert verdict(check(render(TWO, 64), false)) == ["relations"]


def test_missed_and_invented_objects_are_counted():
    missed = compare(parse_caption("a large red circle on blue"), TWO)
    assert (missed.missed, missed.invented, missed.all, verdict(missed)) == (1, 0, False, [])
    invented = compare(parse_caption("a large red circle and a small green square on blue"), ONE)
    assert (invented.missed, invented.invented, invented.all) == (0, 1, False)
    assert verdict(invented) == ["shape", "colour", "size"]


def test_a_rambling_caption_is_judged_in_time():
    claims = Description((Attributes("circle", "red", "large"),) * 25, "blue")
    assert compare(claims, TWO).invented == 23


def test_a_refused_picture_is_wrong_and_says_why():
    agreement = check(np.full((32, 32, 3), (25, 45, 215)), ONE)
    assert not agreement.all
    assert agreement.background
    assert agreement.refused is Refusal.BLANK


def test_a_scene_agrees_with_its_own_picture():
    assert check(render(TWO), TWO).all
