from collections import Counter

import pytest

from mmzoo.data.scenes.questioning import KINDS, Question, answers, question_pairs, questions
from mmzoo.data.scenes.sampling import sample_scene
from mmzoo.data.scenes.scene import Object, Scene

TWO = Scene((Object("circle", "red", "large", 0.2, 0.5), Object("square", "green", "small", 0.8, 0.5)), "blue")
SCENES = [sample_scene("train", index, objects=(1, 3)) for index in range(300)]


def asked(scene, kind, language="en"):
    return {question.text: question.answer for question in questions(scene, language) if question.kind == kind}


def test_counting():
    assert asked(TWO, "count") == {
        "how many objects are there?": "two",
        "how many circles are there?": "one",
        "how many squares are there?": "one",
        "how many triangles are there?": "zero",
    }


def test_attributes():
    assert asked(TWO, "colour") == {"what colour is the circle?": "red", "what colour is the square?": "green"}
    assert asked(TWO, "shape") == {
        "what shape is the red object?": "circle",
        "what shape is the green object?": "square",
    }
    assert asked(TWO, "size") == {
        "is the red circle large or small?": "large",
        "is the green square large or small?": "small",
    }
    assert asked(TWO, "background") == {"what colour is the background?": "blue"}


def test_two_objects_are_asked_about_both_ways_round():
    assert asked(TWO, "compare") == {
        "is the red circle larger than the green square?": "yes",
        "is the green square larger than the red circle?": "no",
    }
    assert asked(TWO, "left of") == {
        "is the red circle left of the green square?": "yes",
        "is the green square left of the red circle?": "no",
    }
    assert asked(TWO, "above") == {}


def test_in_chinese():
    assert asked(TWO, "left of", "zh") == {
        "红色圆形在绿色正方形的左边吗？": "是",
        "绿色正方形在红色圆形的左边吗？": "否",
    }
    assert asked(TWO, "count", "zh")["有几个物体？"] == "二"


def test_what_fits_two_objects_is_not_asked():
    two_circles = Scene((TWO.objects[0], Object("circle", "green", "small", 0.8, 0.5)), "blue")
    assert asked(two_circles, "colour") == {}
    assert len(asked(two_circles, "shape")) == 2


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_answer_is_in_the_vocabulary(language):
    known = answers(language)
    assert len(known) == len(set(known)) == 2 + 4 + 3 + 6 + 2 + 4
    assert {question.answer for scene in SCENES for question in questions(scene, language)} == set(known)


def test_no_question_has_two_answers():
    for scene in SCENES:
        texts = [question.text for question in questions(scene)]
        assert len(texts) == len(set(texts))


def test_yes_and_no_are_equally_frequent():
    truths = Counter(q.answer for scene in SCENES for q in questions(scene) if q.answer in ("yes", "no"))
    assert truths["yes"] == truths["no"]


def test_one_question_a_picture_with_even_kinds_and_answers():
    pairs = question_pairs(SCENES)
    assert [index for index, _ in pairs] == list(range(300))
    kinds = Counter(question.kind for _, question in pairs)
    assert set(kinds) == set(KINDS)
    assert max(kinds.values()) - min(kinds.values()) <= 5
    sizes = Counter(question.answer for _, question in pairs if question.kind == "size")
    assert abs(sizes["large"] - sizes["small"]) <= 1


def test_one_relation_alone():
    pairs = question_pairs(SCENES, kinds=["left of"])
    truths = Counter(question.answer for _, question in pairs)
    assert set(truths) == {"yes", "no"}
    assert abs(truths["yes"] - truths["no"]) <= 1
    assert 50 < len(pairs) < 200  # most scenes of one object, and pairs above one another, have none


def test_a_question_says_its_language():
    assert questions(TWO, "zh")[0] == Question("背景是什么颜色？", "蓝色", "background", "zh")


def test_unknown_kinds_and_languages_are_refused():
    with pytest.raises(ValueError, match=r"kinds must be of count, .*, received smell"):
        question_pairs(SCENES, kinds=["smell"])
    with pytest.raises(ValueError, match="language must be one of en, zh, received 'de'"):
        questions(TWO, "de")
