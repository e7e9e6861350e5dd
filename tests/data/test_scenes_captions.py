import pytest

from mmzoo.data.scenes.captioning import WORDINGS, all_captions, caption, captions
from mmzoo.data.scenes.checking import compare
from mmzoo.data.scenes.description import Attributes, Description, describe
from mmzoo.data.scenes.parsing import parse_caption
from mmzoo.data.scenes.sampling import sample_scene
from mmzoo.data.scenes.scene import Object, Scene
from mmzoo.data.scenes.vocabulary import COMBINATIONS

ONE = Scene((Object("circle", "red", "large", 0.5, 0.5),), "blue")
TWO = Scene((Object("circle", "red", "large", 0.2, 0.5), Object("square", "green", "small", 0.8, 0.5)), "blue")


def test_one_object_in_all_wordings():
    assert captions(ONE) == (
        "a large red circle on a blue background",
        "a big red circle on blue",
        "a picture of a large red circle on a blue background",
        "a blue background with a big red circle",
        "蓝色背景上的一个红色的大圆形",
        "一个大的红色圆，背景是蓝色",
        "一张图片：蓝色背景，一个红色的大圆形",
        "在蓝色背景上，红色大圆",
    )


def test_a_clear_relation_is_said():
    assert caption(TWO) == "a large red circle left of a small green square on a blue background"
    assert caption(TWO, "zh") == "蓝色背景上的一个红色的大圆形在一个绿色的小正方形的左边"


def test_a_doubtful_relation_is_not_said():
    diagonal = Scene((TWO.objects[0], Object("square", "green", "small", 0.6, 0.9)), "blue")
    assert caption(diagonal) == "a large red circle and a small green square on a blue background"


def test_three_objects_are_listed():
    third = Object("triangle", "cyan", "small", 0.5, 0.9)
    assert caption(Scene((*TWO.objects, third), "gray"), "en", 1) == (
        "a big red circle to the left of a little green square, and a little cyan triangle on gray"
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_canonical_captions_are_one_to_one_with_combinations(language):
    assert len(set(all_captions(language))) == 144
    for text, wanted in zip(all_captions(language), COMBINATIONS, strict=True):
        shape, colour, size, background = wanted
        assert parse_caption(text) == Description((Attributes(shape, colour, size),), background)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_wording_is_read_back_as_it_was_meant(language):
    for index in range(150):
        scene = sample_scene("train", index, objects=(1, 3))
        for wording in range(WORDINGS[language]):
            claims = parse_caption(caption(scene, language, wording))
            assert claims.objects == describe(scene).objects
            agreement = compare(claims, scene)
            assert agreement.all
            assert agreement.complete


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A Big RED circle.", Description((Attributes("circle", "red", "large"),))),
        ("there is a circle on a grey background", Description((Attributes("circle"),), "gray")),
        ("蓝底上的红色三角", Description((Attributes("triangle", "red"),), "blue")),
        ("大红色圆形", Description((Attributes("circle", "red", "large"),))),
        (
            "a square is to the right of a circle",
            Description((Attributes("square"), Attributes("circle")), None, frozenset({(0, "right of", 1)})),
        ),
        (
            "一个圆形在三角形下面",
            Description((Attributes("circle"), Attributes("triangle")), None, frozenset({(0, "below", 1)})),
        ),
    ],
)
def test_free_captions_are_understood(text, wanted):
    assert parse_caption(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a large red",
        "a large red pentagon",
        "a red green circle",
        "a large small circle",
        "a blue circle",
        "a circle on a red background",
        "a red circle on a blue background on a white background",
        "not a red circle",
        "left of a circle",
        "a circle left of",
        "a circle left",
        "redcircle",
        "circles",
        "蓝色的圆形",
        "红色的五边形",
        "红色背景上的圆形",
        "一个漂亮的圆形",
        "🟥",
    ],
)
def test_what_is_not_understood_is_none(text):
    assert parse_caption(text) is None


@pytest.mark.parametrize(
    ("language", "wording", "message"),
    [
        ("fr", 0, "language must be one of en, zh, received 'fr'"),
        ("en", 4, "wording must be in 0..3 for en, received 4"),
    ],
)
def test_unknown_wordings_are_refused(language, wording, message):
    with pytest.raises(ValueError, match=message):
        caption(ONE, language, wording)


def test_an_empty_scene_has_no_caption():
    with pytest.raises(ValueError, match="must have 1 to 3 objects, received 0"):
        caption(Scene((), "black"))
