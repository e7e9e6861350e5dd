"""VQA v2: open questions about COCO's pictures, with ten people's answers to each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.caption_files import inside_folder
from mmzoo.data.examples import Examples
from mmzoo.data.layouts.answers import normalize_answer
from mmzoo.data.layouts.documents import checked, entries, read_json, shown, value
from mmzoo.data.layouts.pictures import shared_images


def vqa_v2(
    questions: str | Path,
    annotations: str | Path | None,
    images: str | Path,
    *,
    answers: int | Sequence[str] = 3129,
    split: str | None = None,
    augment: Augment | None = None,
    max_pixels: int = 50_000_000,
) -> Examples:
    """Reads a part of VQA v2 (arXiv:1612.00837; the layout: visualqa.org/download.html) with soft scores as targets.

    questions: v2_OpenEnded_mscoco_train2014_questions.json:
      {"data_subtype": "train2014", "questions": [{"question_id": 9000, "image_id": 9, "question": "..."}, ...]}
    annotations: v2_mscoco_train2014_annotations.json:
      {"annotations": [{"question_id": 9000, "answer_type": "other", "multiple_choice_answer": "net",
      "answers": [{"answer": "net"}, ... ten]}, ...]}; None for a test part, whose answers are not public.
    images: the folder of COCO_train2014_000000000009.jpg and the others.
    answers: how many answers to tell apart, the most frequent "multiple_choice_answer" of these annotations (3,129 is
      usual: those that occur nine times in the training and validation parts); or the answers themselves, which
      validation and test parts need: answers=train.label_names.
    split: the middle of the pictures' names. Default: what the questions call "data_subtype", and test2015 for the
      part test-dev2015, which shares its pictures.
    augment: none by default; "left" and "right" would change sides. max_pixels: as in `safe_decode`.
    Answers are compared as the official evaluation does (see `normalize_answer`).
    Returns Examples in the questions' order: targets (N, C) float32, min(n / 3, 1) where n of the people gave that
      answer (arXiv:1505.00468, section 4; the evaluation itself takes the mean of this over every nine of the ten
      people); all zero where nobody gave one of the C, or annotations is None. label_names: the answers, most frequent
      first, equally frequent ones in their alphabet's order. kinds: "yes/no", "number" and "other".
    The targets of the whole training part take 4 x 443,757 x 3,129 bytes, 5.6 GB.
    Raises:  FileNotFoundError; ValueError if a file has another form, a question is without annotation, or not one of
        the pictures is there.
    """
    path, folder = Path(questions), Path(images)
    document = read_json(path)
    part = split or value(str(path), document, "data_subtype", str).replace("test-dev", "test")
    asked = entries(path, document, "questions")
    names = [
        inside_folder(where, f"COCO_{part}_{value(where, entry, 'image_id', int):012d}.jpg") for where, entry in asked
    ]
    texts = tuple(value(where, entry, "question", str) for where, entry in asked)
    numbers = [value(where, entry, "question_id", int) for where, entry in asked]
    found = None if annotations is None else _annotations(Path(annotations), numbers, path)
    known = _vocabulary(answers, found)
    targets = np.zeros((len(texts), len(known)), np.float32)
    places = {answer: place for place, answer in enumerate(known)}
    for row, (where, annotation) in zip(targets, found or (), strict=False):
        for answer, count in _counts(where, annotation).items():
            if answer in places:
                row[places[answer]] = min(count / 3, 1)
    return Examples(
        shared_images(path, folder, names, max_pixels),
        texts,
        targets,
        known,
        kinds=None if found is None else tuple(value(where, entry, "answer_type", str) for where, entry in found),
        augment=augment,
    )


Annotated = list[tuple[str, dict[str, Any]]]


def _annotations(path: Path, numbers: list[int], questions: Path) -> Annotated:
    """The annotation of each question, in the questions' order."""
    by_number = {
        value(where, entry, "question_id", int): (where, entry)
        for where, entry in entries(path, read_json(path), "annotations")
    }
    if missing := [number for number in numbers if number not in by_number]:
        raise ValueError(f"{path} must answer the questions of {questions}, received no answer to {missing[0]}")
    return [by_number[number] for number in numbers]


def _vocabulary(answers: int | Sequence[str], found: Annotated | None) -> tuple[str, ...]:
    if isinstance(answers, int) and not isinstance(answers, bool):
        if answers < 1:
            raise ValueError(f"answers must be at least 1, received {answers}")
        if found is None:
            raise ValueError(
                f"answers must be the answers themselves (train.label_names) without annotations, received {answers}"
            )
        frequent = Counter(
            normalize_answer(value(where, entry, "multiple_choice_answer", str)) for where, entry in found
        )
        del frequent[""]
        if not frequent:
            raise ValueError("annotations must have at least one answer, received none")
        return tuple(sorted(frequent, key=lambda answer: (-frequent[answer], answer))[:answers])
    if isinstance(answers, (str, bool)) or not answers or not all(isinstance(answer, str) for answer in answers):
        raise ValueError(f"answers must be a number or a list of answers, received {shown(answers)}")
    return tuple(answers)


def _counts(where: str, annotation: dict[str, Any]) -> Counter[str]:
    people = value(where, annotation, "answers", list)
    return Counter(
        normalize_answer(value(where, checked(f"{where}: an answer", person, dict), "answer", str)) for person in people
    )
