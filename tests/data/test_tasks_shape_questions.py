from collections import Counter

import numpy as np
import pytest

from mmzoo.data import flip_allowed, shape_questions
from mmzoo.data.scenes import KINDS, RELATIONS, questions, read_scene, sample_scene

SIDES = tuple(RELATIONS)


def answered(examples, kind: str) -> Counter:
    return Counter(
        examples.label_names[target] for target, of in zip(examples.targets, examples.kinds, strict=True) if of == kind
    )


@pytest.fixture(scope="module")
def everything():
    return shape_questions("train", 2_000, seed=1)


def test_every_answer_is_true_of_its_scene() -> None:
    sample = shape_questions("test", 200, per_scene=4, seed=2)
    truths = []
    for number in range(200):
        truths.append(
            {
                question.text: question.answer
                for question in questions(sample_scene("test", number, seed=2, objects=(1, 3)))
            }
        )
    for text, target, scene in zip(sample.texts, sample.targets, sample.images.indices, strict=True):
        assert truths[scene][text] == sample.label_names[target]


def test_kinds_are_even(everything) -> None:
    counts = Counter(everything.kinds)
    assert set(counts) == set(KINDS)
    assert max(counts.values()) - min(counts.values()) <= 4


@pytest.mark.parametrize("kind", ["size", "compare", *SIDES])
def test_two_answers_are_even(everything, kind: str) -> None:
    counts = answered(everything, kind)
    assert len(counts) == 2
    assert max(counts.values()) <= 0.55 * sum(counts.values())


@pytest.mark.parametrize(("kind", "most"), [("colour", 0.25), ("shape", 0.4), ("background", 0.35), ("count", 0.45)])
def test_no_answer_is_much_more_frequent_than_another(everything, kind: str, most: float) -> None:
    counts = answered(everything, kind)
    assert max(counts.values()) <= most * sum(counts.values())


def test_a_number_of_objects_cannot_be_guessed_from_the_question(everything) -> None:
    counts = Counter(
        everything.label_names[target]
        for text, target in zip(everything.texts, everything.targets, strict=True)
        if text == "how many objects are there?"
    )
    assert max(counts.values()) <= 0.45 * sum(counts.values())


def test_one_relation_alone_has_a_yes_and_a_no_for_each_picture() -> None:
    sample = shape_questions("train", 400, kinds=["left of"])
    assert sample.label_names == ("no", "yes")
    assert Counter(sample.targets.tolist()) == {0: 200, 1: 200}
    for scene in set(sample.images.indices.tolist()):
        assert sorted(set(sample.targets[sample.images.indices == scene].tolist())) == [0, 1]


def test_a_scene_is_drawn_once_for_all_its_questions() -> None:
    sample = shape_questions("train", 100, per_scene=5)
    assert len(sample.images.images) == 20
    assert max(Counter(sample.images.indices.tolist()).values()) == 5
    assert len(set(zip(sample.images.indices.tolist(), sample.texts, strict=True))) == 100


def test_mirroring_is_left_out_where_sides_are_asked_about(everything) -> None:
    assert everything.augment.flip
    for text, kind in zip(everything.texts, everything.kinds, strict=True):
        if kind in ("left of", "right of"):
            assert not flip_allowed(text)


def test_labels_are_the_answers_of_the_kinds() -> None:
    assert shape_questions("train", 4, kinds=["count"]).label_names == ("zero", "one", "two", "three")
    assert shape_questions("train", 4, kinds=["size", "compare"], language="zh").label_names == ("否", "是", "小", "大")


def test_an_example_is_the_same_whatever_count_is() -> None:
    short, long = shape_questions("test", 41, seed=3), shape_questions("test", 90, seed=3)
    assert short.texts == long.texts[:41]
    assert all(np.array_equal(short.images[i], long.images[i]) for i in range(41))


def test_the_splits_share_no_picture() -> None:
    parts = [{p.tobytes() for p in shape_questions(split, 200).images} for split in ("train", "test", "held_out")]
    assert len(set.union(*parts)) == sum(map(len, parts))


def test_scenes_have_as_many_objects_as_wanted() -> None:
    for objects in ((1, 1), (3, 3)):
        kinds = ["colour", "background"]
        sample = shape_questions("train", 20, kinds=kinds, objects=objects, per_scene=1, image_size=64)
        assert {len(read_scene(picture).objects) for picture in sample.images} == {objects[0]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "all"}, "split must be one of train, test, held_out, received 'all'"),
        ({"count": 0}, "count must be an integer from 1, received 0"),
        ({"per_scene": 0}, "per_scene must be an integer from 1, received 0"),
        ({"seed": -1}, "seed must be an integer from 0, received -1"),
        ({"kinds": ["smell"]}, r"kinds must be some of count, .*, received \('smell',\)"),
        ({"kinds": []}, r"kinds must be some of count, .*, received \(\)"),
        ({"objects": (0, 4)}, r"objects must be \(least, most\) within 1 to 3, received \(0, 4\)"),
        ({"kinds": ["above"], "objects": (1, 1)}, r"objects must allow two in a scene .*, received \(1, 1\)"),
        ({"language": "de"}, "language must be one of en, zh, received 'de'"),
    ],
)
def test_mistakes_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shape_questions(**arguments)
