"""Questions about drawn scenes, with answers as even as the scenes allow."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.examples import Examples
from mmzoo.data.images import ImageView
from mmzoo.data.scenes.questioning import KINDS, Question, answers, questions
from mmzoo.data.scenes.rendering import render
from mmzoo.data.scenes.sampling import MAX_OBJECTS, SPLITS, sample_scene
from mmzoo.data.scenes.scene import Scene
from mmzoo.data.scenes.vocabulary import RELATIONS
from mmzoo.data.scenes.words import require_language

_OF_TWO = frozenset({"compare", *RELATIONS})


def shape_questions(
    split: str = "train",
    count: int = 8_192,
    *,
    kinds: Sequence[str] = KINDS,
    objects: tuple[int, int] | None = None,
    per_scene: int = 4,
    language: str = "en",
    image_size: int = 32,
    seed: int = 0,
) -> Examples:
    """Visual questions about drawn scenes: how many, what colour, larger than, left of (see `shapes`).

    kinds: what is asked, of "count", "colour", "shape", "size", "compare", "background", "left of", "right of", "above",
    "below"; each as often as the scenes allow, and its answers as evenly, for each wording and over all. objects: least
    and greatest number in a scene, by default (2, 3) where all kinds speak of two and (1, 3) otherwise. per_scene: the
    most questions about one scene. split: "train", "test", or "held_out", whose objects the other two never show.
    Example i is the same whatever count is.

    Returns `Examples`: images (count, image_size, image_size, 3) uint8, one for all questions about a scene; label_names,
    all answers that these kinds have; kinds. Mirroring is safe where no side is named, and left out elsewhere.
    Raises: ValueError if an argument is out of its range, or two things are asked about where there is one.
    """
    kinds = tuple(kinds)
    objects = objects or ((2, 3) if set(kinds) <= _OF_TWO else (1, 3))
    _require(split, count, kinds, objects, per_scene, language, seed)
    pictures: list[np.ndarray] = []
    indices: list[int] = []
    asked: list[Question] = []
    for scene, some in _chosen(kinds, per_scene, language, split, seed, objects):
        pictures.append(render(scene, image_size))
        asked += some
        indices += [len(pictures) - 1] * len(some)
        if len(asked) >= count:
            break
    asked = asked[:count]
    names = answers(language, kinds)
    return Examples(
        images=ImageView(np.stack(pictures), np.array(indices[:count])),
        texts=tuple(question.text for question in asked),
        targets=np.array([names.index(question.answer) for question in asked], np.int32),
        label_names=names,
        kinds=tuple(question.kind for question in asked),
        augment=Augment(crop=(1.0, 1.0), flip=True),  # as `shapes`: a crop or a turn would make size and shape untrue
    )


def _chosen(
    kinds: Sequence[str], per_scene: int, language: str, split: str, seed: int, objects: tuple[int, int]
) -> Iterator[tuple[Scene, list[Question]]]:
    """Scenes without end, each with questions: the kind asked least so far first, then the rarest answer to its words."""
    of_kind: Counter[str] = Counter()
    of_text: Counter[tuple[str, str]] = Counter()
    of_answer: Counter[tuple[str, str]] = Counter()
    for number in itertools.count():
        scene = sample_scene(split, number, seed=seed, objects=objects)
        possible = [question for question in questions(scene, language) if question.kind in kinds]
        # Which of equally rare questions is asked turns with the scene, or the first object would always be meant.
        start = number % max(1, len(possible))
        possible = possible[start:] + possible[:start]
        some = []
        for _ in range(min(per_scene, len(possible))):
            best = min(
                possible, key=lambda q: (of_kind[q.kind], of_text[q.text, q.answer], of_answer[q.kind, q.answer])
            )
            possible.remove(best)
            of_kind[best.kind] += 1
            of_text[best.text, best.answer] += 1
            of_answer[best.kind, best.answer] += 1
            some.append(best)
        if some:
            yield scene, some


def _require(
    split: str, count: int, kinds: tuple[str, ...], objects: tuple[int, int], per_scene: int, language: str, seed: int
) -> None:
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, received {split!r}")
    for name, value, least in (("count", count, 1), ("per_scene", per_scene, 1), ("seed", seed, 0)):
        if not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} must be an integer from {least}, received {value!r}")
    if not kinds or not set(kinds) <= set(KINDS):
        raise ValueError(f"kinds must be some of {', '.join(KINDS)}, received {kinds!r}")
    if len(objects) != 2 or not 1 <= objects[0] <= objects[1] <= MAX_OBJECTS:
        raise ValueError(f"objects must be (least, most) within 1 to {MAX_OBJECTS}, received {objects}")
    if set(kinds) & _OF_TWO and objects[1] < 2:
        raise ValueError(f"objects must allow two in a scene where the kinds compare them, received {objects}")
    require_language(language)
