"""Drawn scenes as pictures with captions: a source of any number of pairs whose whole truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.pairs import Pairs
from mmzoo.data.scenes.captioning import all_captions, captions
from mmzoo.data.scenes.changing import neighbours
from mmzoo.data.scenes.rendering import render
from mmzoo.data.scenes.sampling import MAX_OBJECTS, SPLITS, sample_scene
from mmzoo.data.scenes.scene import Scene, combination
from mmzoo.data.scenes.vocabulary import COMBINATIONS
from mmzoo.data.scenes.words import LANGUAGES, check_languages
from mmzoo.tokenizer import Tagged

_LABELS = {wanted: label for label, wanted in enumerate(COMBINATIONS)}


def shapes(
    count: int = 4096,
    split: str = "train",
    *,
    seed: int = 0,
    image_size: int = 32,
    objects: tuple[int, int] = (1, 1),
    languages: Sequence[str] = LANGUAGES,
    tagged: bool = False,
    hard_negatives: bool = False,
) -> Pairs:
    """Circles, squares and triangles on plain backgrounds, with captions in English and Chinese and the scene as truth.

    count: number of pictures; picture i is the same whatever count is. split: "train", "test", or "held_out", whose
    objects are the combinations that the other two never show. image_size: pixels a side. objects: least and greatest
    number in a picture. tagged: captions say their language to a tokenizer that has tags (`Tokenizer.train(languages=...)`),
    so that a captioner can be asked for one. hard_negatives: with captions that are wrong in one word.

    Returns `Pairs`: images (count, image_size, image_size, 3) uint8; captions, the canonical one of the first language
    first; truth, a `Scene` each. With one object each, labels index the 144 canonical captions (label_names).
    Raises: ValueError if an argument is out of its range, or a language twice or unknown.
    """
    _require(count, split, seed, objects, languages)
    scenes = [sample_scene(split, index, seed=seed, objects=objects) for index in range(count)]
    single = objects == (1, 1)
    return Pairs(
        images=np.stack([render(scene, image_size) for scene in scenes]),
        captions=tuple(_said(scene, languages, tagged) for scene in scenes),
        labels=np.array([_label(scene) for scene in scenes], np.int32) if single else None,
        label_names=all_captions(languages[0]) if single else (),
        truth=tuple(scenes),
        augment=Augment(crop=(1.0, 1.0), rotate=0.0, flip=True),  # a crop or a turn would make size and shape untrue
        templates=("{}",),  # a label's name is a whole caption
        hard_negatives=_wrong(scenes, languages, tagged) if hard_negatives else None,
    )


def _said(scene: Scene, languages: Sequence[str], tagged: bool) -> tuple[str, ...]:
    if not tagged:
        return captions(scene, tuple(languages))
    return tuple(Tagged(text, language) for language in languages for text in captions(scene, (language,)))


def _wrong(scenes: Sequence[Scene], languages: Sequence[str], tagged: bool) -> tuple[tuple[str, ...], ...]:
    """For each scene the captions of those that differ from it in one thing; scenes that are said alike share theirs."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for scene in scenes:
        key = _said(scene, languages, tagged)
        if key not in found:
            found[key] = tuple(text for other in neighbours(scene) for text in _said(other, languages, tagged))
    return tuple(found[_said(scene, languages, tagged)] for scene in scenes)


def _label(scene: Scene) -> int:
    return _LABELS[combination(scene.objects[0], scene.background)]


def _require(count: int, split: str, seed: int, objects: tuple[int, int], languages: Sequence[str]) -> None:
    if count < 1:
        raise ValueError(f"count must be at least 1, received {count}")
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, received {split!r}")
    if seed < 0:
        raise ValueError(f"seed must be at least 0, received {seed}")
    if len(objects) != 2 or not 1 <= objects[0] <= objects[1] <= MAX_OBJECTS:
        raise ValueError(f"objects must be (least, most) within 1 to {MAX_OBJECTS}, received {objects}")
    check_languages(languages)
