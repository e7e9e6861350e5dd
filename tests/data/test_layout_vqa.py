import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmzoo.data import vqa_v2
from mmzoo.data.decode import UnreadableImage
from mmzoo.data.layouts.answers import normalize_answer

# Each with what VQA's own evaluation (github.com/GT-Vision-Lab/VQA, vqaEval.py) made of it.
OFFICIAL = [
    ("Yes", "yes"),
    ("The red  one", "red 1"),
    ("an apple, a pear", "apple pear"),
    ("none", "0"),
    ("TEN", "10"),
    ("eleven", "eleven"),
    ("dont know", "don't know"),
    ("couldntve", "couldntve"),
    ("couldnt've", "couldn't've"),
    ("lets", "lets"),
    ("Im", "im"),
    ("shes", "shes"),
    ("yall'd've", "y'all'd've"),
    ("somebody'd", "somebodyd"),
    ("oclock", "o'clock"),
    ("black/white", "black white"),
    ("black / white", "black white"),
    ("t-shirt", "t shirt"),
    ("t-shirt - blue", "tshirt blue"),
    ("1,000", "1000"),
    ("1,000 t-shirts", "1000 tshirts"),
    ("3.5", "3.5"),
    ("p.m.", "pm"),
    ("10:30", "10:30"),
    ("no!", "no"),
    ("'twas", "'twas"),
    (" on\nthe\ttable ", "on table"),
    ("a", ""),
    ("?", ""),
    ("$5", "$5"),
    ("É a cafe", "é cafe"),
]


@pytest.mark.parametrize(("answer", "expected"), OFFICIAL)
def test_answers_are_compared_as_the_evaluation_does(answer: str, expected: str) -> None:
    assert normalize_answer(answer) == expected


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "train2014"
    folder.mkdir()
    for number, colour in ((9, "red"), (458752, "blue")):
        Image.new("RGB", (8, 8), colour).save(folder / f"COCO_train2014_{number:012d}.jpg")
    return folder


def questions(images: Path, *rows: tuple[int, int, str], **changes: Any) -> Path:
    path = images.parent / "questions.json"
    listed = [{"question_id": number, "image_id": image, "question": text} for number, image, text in rows]
    path.write_text(json.dumps({"data_subtype": "train2014", "questions": listed, **changes}))
    return path


def annotation(number: int, given: Sequence[str], kind: str = "other", most: str | None = None) -> dict[str, Any]:
    people = [{"answer_id": i, "answer": answer, "answer_confidence": "yes"} for i, answer in enumerate(given, 1)]
    return {
        "question_id": number,
        "image_id": 9,
        "answer_type": kind,
        "question_type": "what",
        "multiple_choice_answer": given[0] if most is None else most,
        "answers": people,
    }


def annotations(images: Path, *rows: dict[str, Any]) -> Path:
    path = images.parent / "annotations.json"
    path.write_text(json.dumps({"data_subtype": "train2014", "annotations": rows}))
    return path


ASKED = ((1, 458752, "What is it?"), (2, 9, "How many?"), (3, 458752, "Is it red?"), (4, 9, "Is it big?"))
ANSWERED = (
    # another order than the questions'
    annotation(3, ["no"] * 8 + ["yes", "Yes."], "yes/no"),
    annotation(1, ["net"] * 4 + ["a net"] + ["racket"] * 2 + ["The bat", "bats", "it"]),
    annotation(2, ["2"] * 2 + ["two"] + ["3"] * 6 + ["several"], "number", most="two"),
    annotation(4, ["no"] * 10, "yes/no"),
)


def test_soft_scores_over_the_frequent_answers(images: Path) -> None:
    examples = vqa_v2(questions(images, *ASKED), annotations(images, *ANSWERED), images)
    # "no" is the answer of two questions, "2" and "net" of one each
    assert examples.label_names == ("no", "2", "net")
    assert examples.texts == ("What is it?", "How many?", "Is it red?", "Is it big?")
    assert examples.kinds == ("other", "number", "yes/no", "yes/no")
    np.testing.assert_allclose(examples.targets, [[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 0, 0]], atol=1e-7)
    assert examples.targets.dtype == np.float32
    assert examples.image_at(0)[0, 0, 2] > 200
    assert examples.image_at(1)[0, 0, 0] > 200
    assert examples.augment is None


def test_one_person_counts_a_third_two_count_two_thirds(images: Path) -> None:
    names = ["net", "racket", "bat", "bats", "yes", "no", "3", "several"]
    examples = vqa_v2(questions(images, *ASKED), annotations(images, *ANSWERED), images, answers=names)
    third = 1 / 3
    expected = [
        [1, 2 * third, third, third, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, third],
        [0, 0, 0, 0, 2 * third, 1, 0, 0],
        [0, 0, 0, 0, 0, 1, 0, 0],
    ]
    np.testing.assert_allclose(examples.targets, expected, atol=1e-7)
    assert examples.label_names == tuple(names)


def test_the_number_of_answers_is_limited(images: Path) -> None:
    examples = vqa_v2(questions(images, *ASKED), annotations(images, *ANSWERED), images, answers=1)
    assert examples.label_names == ("no",)
    assert examples.targets.tolist() == [[0], [0], [1], [1]]


def test_a_test_part_uses_the_training_parts_answers(images: Path) -> None:
    training = vqa_v2(questions(images, *ASKED), annotations(images, *ANSWERED), images)
    Image.new("RGB", (8, 8), "green").save(images / "COCO_test2015_000000000009.jpg")
    path = questions(images, (7, 9, "Which?"), data_subtype="test-dev2015")
    test = vqa_v2(path, None, images, answers=training.label_names)
    assert (test.label_names, test.kinds) == (training.label_names, None)
    assert test.targets.tolist() == [[0, 0, 0]]
    assert test.image_at(0)[0, 0].tolist()[1] > 100


def test_the_split_names_the_pictures(images: Path) -> None:
    path = questions(images, *ASKED, data_subtype="my own")
    examples = vqa_v2(path, annotations(images, *ANSWERED), images, split="train2014")
    assert examples.image_at(1)[0, 0, 0] > 200


def test_the_questions_of_a_picture_stay_together(images: Path) -> None:
    examples = vqa_v2(questions(images, *ASKED), annotations(images, *ANSWERED), images)
    training, held_out = examples.split(0.5)
    assert {training.texts, held_out.texts} == {("What is it?", "Is it red?"), ("How many?", "Is it big?")}


def test_a_missing_picture_is_left_to_the_pipeline(images: Path) -> None:
    (images / "COCO_train2014_000000000009.jpg").unlink()
    examples = vqa_v2(questions(images, *ASKED), annotations(images, *ANSWERED), images)
    with pytest.raises(
        UnreadableImage, match=r"COCO_train2014_000000000009\.jpg cannot be read: there is no such file"
    ):
        examples.image_at(1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"questions": None}, r"questions\.json: 'questions' must be a list, received None$"),
        ({"questions": [{"question_id": 1, "question": "x"}]}, r"questions\[0\]: must have 'image_id', received"),
        ({"questions": [{"question_id": 1, "image_id": "9", "question": "x"}]}, r"'image_id' must be a whole number"),
        (
            {"questions": [{"question_id": 1, "image_id": 9, "question": 3}]},
            r"'question' must be a string, received 3$",
        ),
        ({"data_subtype": None}, r"questions\.json: 'data_subtype' must be a string, received None$"),
        ({"data_subtype": "/../../train2014"}, r"questions\[0\]: image must be a path inside the folder"),
        (
            {"data_subtype": "val2014"},
            r"received 'COCO_val2014_000000458752\.jpg' and others: not one of them is there$",
        ),
    ],
)
def test_what_is_wrong_with_the_questions_is_named(images: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vqa_v2(questions(images, *ASKED, **changes), annotations(images, *ANSWERED), images)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"question_id": 5},
            r"annotations\.json must answer the questions of .*questions\.json, received no answer to 4$",
        ),
        ({"multiple_choice_answer": 1}, r"annotations\[3\]: 'multiple_choice_answer' must be a string, received 1$"),
        ({"answers": "no"}, r"annotations\[3\]: 'answers' must be a list, received 'no'$"),
        ({"answers": ["no"]}, r"annotations\[3\]: an answer must be an object, received 'no'$"),
        ({"answers": [{}]}, r"annotations\[3\]: must have 'answer', received \[\]$"),
        ({"answer_type": None}, r"annotations\[3\]: 'answer_type' must be a string, received None$"),
    ],
)
def test_what_is_wrong_with_the_annotations_is_named(images: Path, row: dict[str, Any], message: str) -> None:
    path = annotations(images, *ANSWERED[:3], ANSWERED[3] | row)
    with pytest.raises(ValueError, match=message):
        vqa_v2(questions(images, *ASKED), path, images)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (0, "answers must be at least 1, received 0"),
        ("yes", "answers must be a number or a list of answers, received 'yes'"),
        ([], r"answers must be a number or a list of answers, received \[\]"),
        (True, "answers must be a number or a list of answers, received True"),
        ([1], r"answers must be a number or a list of answers, received \[1\]"),
    ],
)
def test_answers_are_a_number_or_a_list(images: Path, answers: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vqa_v2(questions(images, *ASKED), annotations(images, *ANSWERED), images, answers=answers)


def test_without_annotations_the_answers_are_given(images: Path) -> None:
    with pytest.raises(
        ValueError, match=r"answers must be the answers themselves \(train\.label_names\) without annot"
    ):
        vqa_v2(questions(images, *ASKED), None, images)


def test_without_any_answer_there_is_nothing_to_learn(images: Path) -> None:
    path = annotations(images, *(annotation(number, ["the"]) for number in range(1, 5)))
    with pytest.raises(ValueError, match="annotations must have at least one answer, received none"):
        vqa_v2(questions(images, *ASKED), path, images)
