"""Does the caption fit the picture? The wrong ones differ in one word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.examples import Examples
from mmzoo.data.handwriting import DIGIT_NAMES, DIGIT_TEMPLATES, digits
from mmzoo.data.images import Images, ImageView
from mmzoo.data.scenes.captioning import WORDINGS, caption
from mmzoo.data.scenes.changing import VALUES, changed
from mmzoo.data.scenes.description import relation
from mmzoo.data.scenes.rendering import render
from mmzoo.data.scenes.sampling import sample_scene
from mmzoo.data.scenes.scene import Scene
from mmzoo.data.scenes.vocabulary import RELATIONS
from mmzoo.data.scenes.words import word
from mmzoo.data.tasks.balance import check_request, detail, even_cells

SOURCES: tuple[str, ...] = ("shapes", "digits")

_CHANGES: tuple[str, ...] = (*VALUES, "relation")
# Scenes are drawn until one allows the wanted change, this many numbers of the stream being kept for each.
_TRIES = 1_000


@dataclass(frozen=True)
class _Pair:
    """A picture's number, its caption, one that is wrong in the word that `kind` names, and which of them comes first."""

    picture: int
    right: str
    wrong: str
    kind: str
    right_first: bool


def matching(split: str = "train", count: int = 8_192, *, source: str = "shapes", seed: int = 0) -> Examples:
    """Pictures with captions, half of which are wrong in one word: image-text matching with hard negatives.

    Examples 2 j and 2 j + 1 are one picture with its caption and with a wrong one, in either order. In the wrong one a
    shape, a colour, a size, the background or a relation ("left of" for "right of") is another; from digits, the number.
    Wrong captions say what right ones say, equally often: the words alone tell nothing, and neither does the picture.

    split: "train" or "test", whose pictures are different ones. source: "shapes", scenes of one or two objects (32 x 32),
    or "digits", real handwritten ones. Example i is the same whatever count is.
    Returns `Examples`: label_names "no" and "yes" (the caption fits); kinds, which word is another, or is in the example
    beside it: "shape", "colour", "size", "background", "relation", "digit".
    Raises: ValueError if an argument is out of its range.
    """
    check_request(split, count, seed)
    if source not in SOURCES:
        raise ValueError(f"source must be one of {', '.join(SOURCES)}, received {source!r}")
    make = _shapes if source == "shapes" else _digits
    images, pairs, augment = make(split, -(-count // 2), seed)
    texts, targets = [], []
    for pair in pairs:
        texts += [pair.right, pair.wrong] if pair.right_first else [pair.wrong, pair.right]
        targets += [1, 0] if pair.right_first else [0, 1]
    return Examples(
        images=ImageView(images, np.repeat([pair.picture for pair in pairs], 2)[:count]),
        texts=tuple(texts[:count]),
        targets=np.array(targets[:count], np.int32),
        label_names=("no", "yes"),
        kinds=tuple(pair.kind for pair in pairs for _ in range(2))[:count],
        augment=augment,
    )


def _digits(split: str, count: int, seed: int) -> tuple[Images, list[_Pair], Augment | None]:
    source = digits(split)
    assert source.labels is not None
    pairs = []
    for number, digit in enumerate(even_cells(count, 10, split, seed).tolist()):
        rng = detail(number, split, seed)
        picture = int(rng.choice(np.flatnonzero(source.labels == digit)))
        other = int((digit + rng.integers(1, 10)) % 10)
        template = DIGIT_TEMPLATES[rng.integers(len(DIGIT_TEMPLATES))]
        right, wrong = (DIGIT_NAMES[each] for each in (digit, other))
        if rng.random() < 0.5:
            right, wrong = str(digit), str(other)
        pairs.append(_Pair(picture, template.format(right), template.format(wrong), "digit", bool(rng.integers(2))))
    return source.images, pairs, source.augment


def _shapes(split: str, count: int, seed: int) -> tuple[Images, list[_Pair], Augment | None]:
    pictures, pairs = [], []
    for number, cell in enumerate(even_cells(count, len(_CHANGES), split, seed).tolist()):
        rng = detail(number, split, seed)
        change, wording = _CHANGES[cell], int(rng.integers(WORDINGS["en"]))
        for place in range(number * _TRIES, (number + 1) * _TRIES):
            scene = sample_scene(split, place, seed=seed, objects=(1, 2))
            wrong = list(_wrong_captions(scene, change, wording, int(rng.integers(len(scene.objects)))))
            if wrong:
                break
        chosen = wrong[rng.integers(len(wrong))]
        pairs.append(_Pair(number, caption(scene, "en", wording), chosen, change, bool(rng.integers(2))))
        pictures.append(render(scene))
    return np.stack(pictures), pairs, Augment(crop=(1.0, 1.0), flip=True)  # as `shapes`; never where a side is named


def _wrong_captions(scene: Scene, change: str, wording: int, which: int) -> Iterator[str]:
    """The scene's caption with every other word there is for one thing, where that says what some scene would show."""
    if change == "relation":
        stated = relation(scene.objects[0], scene.objects[1]) if len(scene.objects) > 1 else None
        if stated is not None:
            right = caption(scene, "en", wording)
            for synonym in (True, False):
                before, after = (word(name, "en", synonym=synonym) for name in (stated, RELATIONS[stated]))
                if before in right:
                    yield right.replace(before, after)
                    return
        return
    yield from (caption(other, "en", wording) for other in changed(scene, change, which))
