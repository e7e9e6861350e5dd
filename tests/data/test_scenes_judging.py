import json
from dataclasses import replace

import numpy as np
import pytest

from mmzoo.data.scenes import Object, Scene, caption, judge_captions, judge_pictures, render, sample_scene

CIRCLE = Scene((Object("circle", "red", "large", 0.5, 0.5),), "black")
TWO = Scene((Object("circle", "red", "large", 0.2, 0.5), Object("square", "green", "small", 0.8, 0.5)), "white")


def test_shares_counted_by_hand():
    captions = [
        "a large red circle on a black background",  # right
        "a large green circle on a black background",  # a wrong colour
        "a red circle",  # true, and not all
        "a large red circle and a small green square on a black background",  # one invented
        "the meaning of life",  # not understood
    ]
    report = judge_captions(captions, [CIRCLE] * 5)
    assert report.all_right == 0.2
    assert (report.colour, report.shape, report.size, report.background) == (0.4, 0.6, 0.6, 0.8)
    assert (report.understood, report.missed, report.invented, report.count) == (0.8, 0.0, 0.25, 5)


def test_two_objects_in_two_languages():
    english = "a large red circle left of a small green square on a white background"
    chinese = "白色背景上的一个红色的大圆形"
    report = judge_captions([english, chinese], [TWO, TWO])
    assert (report.all_right, report.missed, report.relations) == (0.5, 0.5, 1.0)


@pytest.mark.parametrize(
    ("captions", "scenes", "message"),
    [
        ([], [], "captions must be one string or more in a list"),
        ("a red circle", [CIRCLE], "captions must be one string or more in a list, received 'a red circle'"),
        (["a red circle"], [], "scenes must be 1, one for each caption, received 0"),
    ],
)
def test_bad_arguments_get_one_sentence(captions, scenes, message):
    with pytest.raises(ValueError, match=message):
        judge_captions(captions, scenes)


def pictures_of(*scenes):
    return np.stack([render(scene, 32) for scene in scenes])


def changed(scene, background=None, **object_fields):
    (thing,) = scene.objects
    return replace(scene, objects=(replace(thing, **object_fields),), background=background or scene.background)


@pytest.mark.parametrize("say", [lambda scene: scene, caption, lambda scene: caption(scene, "zh", 1)])
def test_rendered_scenes_are_all_right(say):
    scenes = [sample_scene("test", index, seed=0, objects=(1, 2)) for index in range(40)]
    report = judge_pictures(pictures_of(*scenes), [say(scene) for scene in scenes])
    assert set(report.shares().values()) == {1.0}
    assert (report.missing, report.surplus, report.refused, report.count) == (0, 0, {}, 40)


def test_pictures_that_show_something_else_are_counted_by_hand():
    drawn = pictures_of(
        CIRCLE,
        changed(CIRCLE, colour="green"),
        changed(CIRCLE, shape="square"),
        changed(CIRCLE, size="small"),
        changed(CIRCLE, background="white"),
        replace(TWO, background="black"),  # the circle, and a square that nobody asked for
    )
    report = judge_pictures(drawn, ["a large red circle on a black background"] * 6)
    assert report.all_right == 1 / 6
    assert (report.colour, report.shape, report.size, report.background) == (5 / 6,) * 4
    assert (report.missing, report.surplus, report.refused) == (0, 1 / 6, {})


def test_damaged_pictures_are_refused_with_reasons():
    blank = np.full((32, 32, 3), 15, "uint8")
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype("uint8")
    dented = render(CIRCLE, 32)
    dented[:16, :16] = 15  # a quarter of the circle is gone
    report = judge_pictures(np.stack([blank, blank, noise, dented, render(CIRCLE, 32)]), [CIRCLE] * 5)
    assert report.refused == {
        "nothing differs from the background": 2,
        "the background is not one colour": 1,
        "no ideal shape fits": 1,
    }
    assert (report.all_right, report.shape, report.missing) == (0.2, 0.2, 3 / 5)
    assert report.colour == 0.4  # what is dented is still red
    assert report.background == 0.8


def test_each_word_has_its_share_and_count():
    asked = [CIRCLE, CIRCLE, changed(CIRCLE, shape="square", colour="green", background="gray")]
    drawn = pictures_of(CIRCLE, changed(CIRCLE, shape="triangle"), asked[2])
    classes = judge_pictures(drawn, asked).to_dict()["classes"]
    assert classes["shape"] == {
        "circle": {"count": 2, "right": 0.5, "all_right": 0.5},
        "square": {"count": 1, "right": 1.0, "all_right": 1.0},
    }
    assert classes["colour"]["red"] == {"count": 2, "right": 1.0, "all_right": 0.5}
    assert classes["size"] == {"large": {"count": 3, "right": 1.0, "all_right": 2 / 3}}
    assert list(classes["background"]) == ["black", "gray"]


def test_position_spread_is_that_of_the_centres_around_each_captions_mean():
    at = [(0.3, 0.5), (0.7, 0.5), (0.5, 0.3), (0.5, 0.7)]
    scenes = [changed(CIRCLE, x=x, y=y) for x, y in at]
    alone = changed(CIRCLE, shape="square", x=0.25, y=0.25)
    asked = [caption(CIRCLE), caption(CIRCLE, "zh"), caption(CIRCLE, "en", 3), CIRCLE, alone]
    report = judge_pictures(pictures_of(*scenes, alone), asked)
    # Two squares of 0.2 each way, over three degrees of freedom.
    assert report.position_spread == pytest.approx(np.sqrt(0.08 / 3), abs=0.005)
    assert judge_pictures(pictures_of(*[CIRCLE] * 3), [CIRCLE] * 3).position_spread == pytest.approx(0)
    assert judge_pictures(pictures_of(CIRCLE, alone), [CIRCLE, alone]).position_spread is None


def test_position_spread_does_not_depend_on_the_pictures_a_caption():
    places = np.random.default_rng(0).uniform(0.3, 0.7, (120, 2))
    pictures = pictures_of(*(changed(CIRCLE, x=x, y=y) for x, y in places))
    captions = [f"a {word} red circle on a black background" for word in ("large", "big")]  # one and the same
    whole = judge_pictures(pictures, [captions[place % 2] for place in range(120)]).position_spread
    colours = ("red", "orange", "yellow", "green", "cyan", "purple")
    sizes = ("large", "small")
    names = [
        f"a {size} {colour} circle on {ground}"
        for size in sizes
        for colour in colours
        for ground in ("black", "white", "gray", "blue")
    ]
    few = judge_pictures(pictures[:96], [names[place // 2] for place in range(96)]).position_spread
    assert whole == pytest.approx(0.4 / np.sqrt(12), rel=0.1)
    assert few == pytest.approx(whole, rel=0.1)


def test_a_report_on_pictures_is_ready_for_json():
    report = judge_pictures(pictures_of(CIRCLE, TWO), [CIRCLE, TWO])
    assert json.loads(json.dumps(report.to_dict()))["classes"]["shape"]["circle"]["count"] == 2


@pytest.mark.parametrize(
    ("pictures", "wanted", "message"),
    [
        ([], [], "wanted must be one caption or scene or more in a list"),
        (
            np.zeros((1, 32, 32, 3)),
            "a red circle",
            "wanted must be one caption or scene or more in a list, received 'a",
        ),
        (np.zeros((1, 32, 32, 3)), [CIRCLE] * 2, "pictures must be 2, one for each caption or scene, received 1"),
        (np.zeros((1, 32, 32, 3)), ["the meaning of life"], "wanted must be captions that parse_caption reads"),
        (np.zeros((1, 8, 8, 3)), [CIRCLE], "image must be"),
    ],
)
def test_what_cannot_be_judged_gets_one_sentence(pictures, wanted, message):
    with pytest.raises(ValueError, match=message):
        judge_pictures(pictures, wanted)
