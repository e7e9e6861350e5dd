"""Captions judged by the scenes they are about, rather than by how other captions word them; pictures by the captions they are of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmzoo.data.scenes.checking import Agreement, compare
from mmzoo.data.scenes.description import Description, describe
from mmzoo.data.scenes.parsing import parse_caption
from mmzoo.data.scenes.reading import Reading, read_scene
from mmzoo.data.scenes.scene import Scene
from mmzoo.data.scenes.vocabulary import BACKGROUNDS, COLOURS, SHAPES, SIZES

_SHARES = ("shape", "colour", "size", "background", "relations")


@dataclass(frozen=True)
class SceneReport:
    """Captions against scenes, as shares of all captions in [0, 1].

    all_right: everything said is so, everything there is is said (shape, colour and size of every object, the background).
    shape, colour, size, background, relations: what is said of it is so; a caption that is not understood is wrong in all.
    understood: the caption is one that parse_caption reads. missed, invented: objects a caption, 0 or more, that are there and not
    said, and said and not there, mean over the captions understood. count: captions.
    """

    all_right: float
    shape: float
    colour: float
    size: float
    background: float
    relations: float
    understood: float
    missed: float
    invented: float
    count: int

    def to_dict(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)


@dataclass(frozen=True)
class ClassShare:
    """Pictures of which one word was asked, such as "circle": right, the share that have that attribute right; all_right, all of them.

    Of several objects, right is whether that attribute is right of all.
    """

    count: int
    right: float
    all_right: float


@dataclass(frozen=True)
class PictureReport:
    """Pictures against what they should show, as shares of all pictures in [0, 1].

    all_right: everything asked is there as asked, and nothing else. shape, colour, size, background, relations: of all objects asked; an
    object that is not there is wrong in the first three. missing, surplus: objects a picture, 0 or more, asked and not there, and there
    and not asked. refused: why pictures could not be read whole, to how many. classes: by attribute, then by word, those asked of one
    picture or more. position_spread: standard deviation of where things are around the mean place of their caption, in fractions of
    the picture, over both axes and all captions (variances pooled, so that few pictures a caption do not lower it); divide by that of
    real pictures; None where no caption has two pictures read. count: pictures.
    """

    all_right: float
    shape: float
    colour: float
    size: float
    background: float
    relations: float
    missing: float
    surplus: float
    refused: dict[str, int]
    classes: dict[str, dict[str, ClassShare]]
    position_spread: float | None
    count: int

    def shares(self) -> dict[str, float]:
        """all_right, shape, colour, size, background and relations by name, as logs take them."""
        return {name: getattr(self, name) for name in ("all_right", *_SHARES)}

    def to_dict(self) -> dict[str, Any]:
        """The figures by name, ready for JSON."""
        return asdict(self)


def judge_captions(captions: Sequence[str], scenes: Sequence[Scene]) -> SceneReport:
    """Reads N captions, in English or Chinese, and compares each with its scene (`Pairs.truth` of shapes).

    Raises ValueError for no captions, or as many scenes as there are not captions.
    """
    if isinstance(captions, str) or not len(captions):
        raise ValueError(f"captions must be one string or more in a list, received {captions!r}")
    if len(scenes) != len(captions):
        raise ValueError(f"scenes must be {len(captions)}, one for each caption, received {len(scenes)}")
    found = [_judged(caption, scene) for caption, scene in zip(captions, scenes, strict=True)]
    read = [agreement for agreement in found if agreement is not None]

    def share(of: str) -> float:
        return sum(getattr(agreement, of) for agreement in read) / len(found)

    return SceneReport(
        all_right=sum(agreement.all and agreement.complete for agreement in read) / len(found),
        **{name: share(name) for name in _SHARES},
        understood=len(read) / len(found),
        missed=sum(agreement.missed for agreement in read) / max(len(read), 1),
        invented=sum(agreement.invented for agreement in read) / max(len(read), 1),
        count=len(found),
    )


def judge_pictures(pictures: np.ndarray, wanted: Sequence[str | Scene]) -> PictureReport:
    """Reads N pictures by comparing them with ideal shapes, without learning, and compares each with its caption or scene.

    pictures (N, S, S, 3) in [0, 255], S at least 16; wanted: captions in English or Chinese, in which what is not said is free, or scenes.
    Raises ValueError for no pictures, another number of captions, a caption that nobody can judge, or pictures that are none.
    """
    if isinstance(wanted, str) or not len(wanted):
        raise ValueError(f"wanted must be one caption or scene or more in a list, received {wanted!r}")
    if len(pictures) != len(wanted):
        raise ValueError(f"pictures must be {len(wanted)}, one for each caption or scene, received {len(pictures)}")
    asked = [_described(each) for each in wanted]
    read = [read_scene(picture) for picture in pictures]
    found = [
        compare(claims, reading.description(), refused=reading.refused)
        for claims, reading in zip(asked, read, strict=True)
    ]

    def share(of: str) -> float:
        return sum(getattr(agreement, of) for agreement in found) / len(found)

    return PictureReport(
        all_right=share("all"),
        **{name: share(name) for name in _SHARES},
        missing=share("invented"),
        surplus=share("missed"),
        refused=dict(Counter(reading.refused.value for reading in read if reading.refused).most_common()),
        classes=_classes(asked, found),
        position_spread=_spread(asked, read),
        count=len(found),
    )


def _judged(caption: str, scene: Scene) -> Agreement | None:
    claims = parse_caption(caption)
    return None if claims is None else compare(claims, scene)


def _described(wanted: str | Scene) -> Description:
    claims = describe(wanted) if isinstance(wanted, Scene) else parse_caption(wanted)
    if claims is None:
        raise ValueError(f"wanted must be captions that parse_caption reads, or scenes, received {wanted!r}")
    return claims


def _classes(asked: Sequence[Description], found: Sequence[Agreement]) -> dict[str, dict[str, ClassShare]]:
    vocabulary = {"shape": [*SHAPES], "colour": [*COLOURS], "size": [*SIZES], "background": [*BACKGROUNDS]}
    classes: dict[str, dict[str, ClassShare]] = {}
    for attribute, words in vocabulary.items():
        for word in words:
            of = [
                agreement for claims, agreement in zip(asked, found, strict=True) if word in _words(claims, attribute)
            ]
            if of:
                right, whole = (sum(getattr(each, name) for each in of) / len(of) for name in (attribute, "all"))
                classes.setdefault(attribute, {})[word] = ClassShare(len(of), right, whole)
    return classes


def _words(claims: Description, attribute: str) -> set[str | None]:
    if attribute == "background":
        return {claims.background}
    return {getattr(thing, attribute) for thing in claims.objects}


def _spread(asked: Sequence[Description], read: Sequence[Reading]) -> float | None:
    """Of pictures with several objects, the place is the mean of theirs."""
    places: dict[Description, list[tuple[float, float]]] = {}
    for claims, reading in zip(asked, read, strict=True):
        if reading.objects:
            centre = (np.mean([seen.x for seen in reading.objects]), np.mean([seen.y for seen in reading.objects]))
            places.setdefault(claims, []).append((float(centre[0]), float(centre[1])))
    several = [np.array(of) for of in places.values() if len(of) > 1]
    if not several:
        return None
    squares = sum(np.square(of - of.mean(axis=0)).sum() for of in several)
    return float(np.sqrt(squares / (2 * sum(len(of) - 1 for of in several))))
