"""Captions judged by the scenes they are about, rather than by how other captions word them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mmzoo.data.scenes.checking import Agreement, compare
from mmzoo.data.scenes.parsing import parse_caption
from mmzoo.data.scenes.scene import Scene


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
        **{name: share(name) for name in ("shape", "colour", "size", "background", "relations")},
        understood=len(read) / len(found),
        missed=sum(agreement.missed for agreement in read) / max(len(read), 1),
        invented=sum(agreement.invented for agreement in read) / max(len(read), 1),
        count=len(found),
    )


def _judged(caption: str, scene: Scene) -> Agreement | None:
    claims = parse_caption(caption)
    return None if claims is None else compare(claims, scene)
