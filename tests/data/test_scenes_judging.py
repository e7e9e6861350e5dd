import pytest

from mmzoo.data.scenes import Object, Scene, judge_captions

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
