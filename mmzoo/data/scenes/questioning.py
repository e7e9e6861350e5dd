"""Asks questions about a scene, each with exactly one answer that neither the words nor the picture alone give away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from mmzoo.data.scenes.description import relation
from mmzoo.data.scenes.scene import Object, Scene
from mmzoo.data.scenes.vocabulary import BACKGROUNDS, COLOURS, RELATIONS, SHAPES, SIZES
from mmzoo.data.scenes.words import require_language, word

KINDS: tuple[str, ...] = ("count", "colour", "shape", "size", "compare", "background", *RELATIONS)
"""What questions are about; the relations "left of", "right of", "above" and "below" are kinds of their own."""

_NUMBERS = {"en": ("zero", "one", "two", "three"), "zh": ("零", "一", "二", "三")}
_TRUTHS = {"en": ("no", "yes"), "zh": ("否", "是")}
_ASKED = {
    "en": {
        "count": "how many objects are there?",
        "count of": "how many {a}s are there?",
        "colour": "what colour is the {a}?",
        "shape": "what shape is the {a} object?",
        "size": "is the {a} large or small?",
        "compare": "is the {a} larger than the {b}?",
        "background": "what colour is the background?",
        "relation": "is the {a} {relation} the {b}?",
    },
    "zh": {
        "count": "有几个物体？",
        "count of": "有几个{a}？",
        "colour": "{a}是什么颜色？",
        "shape": "{a}的物体是什么形状？",
        "size": "{a}是大还是小？",
        "compare": "{a}比{b}大吗？",
        "background": "背景是什么颜色？",
        "relation": "{a}在{b}的{relation}吗？",
    },
}


@dataclass(frozen=True)
class Question:
    """A question and its answer, one of `answers(language)`; kind is one of KINDS."""

    text: str
    answer: str
    kind: str
    language: str


def answers(language: str = "en", kinds: Sequence[str] = KINDS) -> tuple[str, ...]:
    """All answers that questions of these kinds have: a vocabulary for a classifier.

    Raises: ValueError if the language or a kind is not known.
    """
    require_language(language)
    _require_kinds(kinds)
    known: dict[str, None] = {}
    if {"compare", *RELATIONS} & set(kinds):
        known |= dict.fromkeys(_TRUTHS[language])
    if "count" in kinds:
        known |= dict.fromkeys(_NUMBERS[language])
    for kind, names in (("shape", SHAPES), ("colour", COLOURS), ("size", SIZES), ("background", BACKGROUNDS)):
        if kind in kinds:
            known |= dict.fromkeys(word(name, language) for name in names)
    return tuple(known)


def questions(scene: Scene, language: str = "en") -> tuple[Question, ...]:
    """Every question that has one answer in this scene.

    An object is named only in words that fit no other. Of two objects the same is asked both ways round, so that as
    many of these answers are yes as no; it is not asked where people could disagree.
    Raises: ValueError if the language is not known.
    """
    require_language(language)
    return tuple(_ask(scene, language))


def question_pairs(
    scenes: Sequence[Scene], language: str = "en", kinds: Sequence[str] = KINDS
) -> tuple[tuple[int, Question], ...]:
    """One question for each scene in which one of these kinds can be asked, as (number of the scene, question).

    Kinds, and the answers within a kind, come as evenly as the scenes allow: the rarest so far is asked next.
    Raises: ValueError if a kind is not known.
    """
    _require_kinds(kinds)
    asked: Counter[str] = Counter()
    answered: Counter[tuple[str, str]] = Counter()
    pairs = []
    for index, scene in enumerate(scenes):
        possible = [question for question in questions(scene, language) if question.kind in kinds]
        if possible:
            # Which of equally rare questions is asked turns with the scene, or the first object would always be meant.
            turned = possible[index % len(possible) :] + possible[: index % len(possible)]
            chosen = min(turned, key=lambda q: (asked[q.kind], answered[q.kind, q.answer]))
            asked[chosen.kind] += 1
            answered[chosen.kind, chosen.answer] += 1
            pairs.append((index, chosen))
    return tuple(pairs)


def _require_kinds(kinds: Sequence[str]) -> None:
    unknown = set(kinds) - set(KINDS)
    if unknown:
        raise ValueError(f"kinds must be of {', '.join(KINDS)}, received {', '.join(sorted(unknown))}")


def _ask(scene: Scene, language: str) -> Iterator[Question]:
    asked, numbers, objects = _ASKED[language], _NUMBERS[language], scene.objects

    def say(name: str) -> str:
        return word(name, language)

    def named(thing: Object) -> str:
        return f"{say(thing.colour)}{' ' if language == 'en' else ''}{say(thing.shape)}"

    yield Question(asked["background"], say(scene.background), "background", language)
    yield Question(asked["count"], numbers[len(objects)], "count", language)
    shapes, colours = Counter(o.shape for o in objects), Counter(o.colour for o in objects)
    for shape in SHAPES:
        yield Question(asked["count of"].format(a=say(shape)), numbers[shapes[shape]], "count", language)
    for thing in objects:
        if shapes[thing.shape] == 1:
            yield Question(asked["colour"].format(a=say(thing.shape)), say(thing.colour), "colour", language)
        if colours[thing.colour] == 1:
            yield Question(asked["shape"].format(a=say(thing.colour)), say(thing.shape), "shape", language)
        yield Question(asked["size"].format(a=named(thing)), say(thing.size), "size", language)
    for a, b in permutations(objects, 2):
        if a.size != b.size:
            text = asked["compare"].format(a=named(a), b=named(b))
            yield Question(text, _TRUTHS[language][a.size == "large"], "compare", language)
        found = relation(a, b)
        for name in (found, RELATIONS[found]) if found else ():
            text = asked["relation"].format(a=named(a), b=named(b), relation=say(name))
            yield Question(text, _TRUTHS[language][name == found], name, language)
