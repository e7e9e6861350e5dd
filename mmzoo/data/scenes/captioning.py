"""Says a scene in words: several wordings in each language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmzoo.data.scenes.description import relation
from mmzoo.data.scenes.scene import Object, Scene
from mmzoo.data.scenes.vocabulary import COMBINATIONS
from mmzoo.data.scenes.words import require_language, word


@dataclass(frozen=True)
class _Wording:
    frame: str  # with {things} and {background}
    thing: str  # with {size}, {colour} and {shape}
    synonym: bool  # says "big" for "large" and the like


_WORDINGS: dict[str, tuple[_Wording, ...]] = {
    "en": (
        _Wording("{things} on a {background} background", "a {size} {colour} {shape}", False),
        _Wording("{things} on {background}", "a {size} {colour} {shape}", True),
        _Wording("a picture of {things} on a {background} background", "a {size} {colour} {shape}", False),
        _Wording("a {background} background with {things}", "a {size} {colour} {shape}", True),
    ),
    "zh": (
        _Wording("{background}背景上的{things}", "一个{colour}的{size}{shape}", False),
        _Wording("{things}，背景是{background}", "一个{size}的{colour}{shape}", True),
        _Wording("一张图片：{background}背景，{things}", "一个{colour}的{size}{shape}", False),
        _Wording("在{background}背景上，{things}", "{colour}{size}{shape}", True),
    ),
}

WORDINGS: dict[str, int] = {language: len(wordings) for language, wordings in _WORDINGS.items()}
"""Language to the number of its wordings."""


def caption(scene: Scene, language: str = "en", wording: int = 0) -> str:
    """The scene in one sentence; wording 0 is the canonical one, of which each one-object combination has its own.

    Objects are named in the scene's order; how the first two stand to one another is said if nobody could disagree.
    Raises: ValueError if the language or the wording is not known, or the scene has no or more than three objects.
    """
    require_language(language)
    if not 0 <= wording < WORDINGS[language]:
        raise ValueError(f"wording must be in 0..{WORDINGS[language] - 1} for {language}, received {wording}")
    if not 1 <= len(scene.objects) <= 3:
        raise ValueError(f"a scene to be described must have 1 to 3 objects, received {len(scene.objects)}")
    chosen = _WORDINGS[language][wording]

    def say(name: str) -> str:
        return word(name, language, synonym=chosen.synonym)

    things = [
        chosen.thing.format(size=say(thing.size), colour=say(thing.colour), shape=say(thing.shape))
        for thing in scene.objects
    ]
    return chosen.frame.format(
        things=_join(things, _stated(scene.objects), language, say), background=say(scene.background)
    )


def captions(scene: Scene, languages: tuple[str, ...] = ("en", "zh")) -> tuple[str, ...]:
    """The scene in every wording of every language, the canonical one of the first language first."""
    return tuple(caption(scene, language, wording) for language in languages for wording in range(WORDINGS[language]))


def all_captions(language: str = "en") -> tuple[str, ...]:
    """The canonical captions of all 144 one-object combinations, in the order of the labels."""
    return tuple(caption(_example(index), language) for index in range(len(COMBINATIONS)))


def _example(index: int) -> Scene:
    shape, colour, size, background = COMBINATIONS[index]
    return Scene((Object(shape, colour, size, 0.5, 0.5),), background)


def _stated(objects: tuple[Object, ...]) -> str | None:
    return relation(objects[0], objects[1]) if len(objects) > 1 else None


def _join(things: list[str], stated: str | None, language: str, say: Callable[[str], str]) -> str:
    chinese = language == "zh"
    if stated is None:
        last = ("和" if chinese else " and ").join(things[-2:])
        return ("、" if chinese else ", ").join([*things[:-2], last])
    first, second, *rest = things
    pair = f"{first}在{second}的{say(stated)}" if chinese else f"{first} {say(stated)} {second}"
    return ("，还有" if chinese else ", and ").join([pair, *rest])
