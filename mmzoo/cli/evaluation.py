"""Pictures with captions by name, and the figures of a CLIP on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo import data
from mmzoo.cli.output import Output
from mmzoo.cli.runs import read_config
from mmzoo.data import BadPictures, Pairs
from mmzoo.metrics import (
    ConsistencyReport,
    Figure,
    label_embeddings,
    modality_consistency,
    retrieval_report_from_embeds,
    zero_shot_accuracy,
)

SHIPPED = ("digits", "shapes")


def check_data(name: str) -> None:
    """Raises FileNotFoundError for data that open_data cannot open."""
    if name not in SHIPPED and not Path(name).exists():
        raise FileNotFoundError(f"--data must be digits, shapes or a folder, received {name!r}, which does not exist")


def open_data(name: str, split: str) -> Pairs:
    """digits, shapes, or a folder of the user's own; a folder has no split of its own and comes whole."""
    check_data(name)
    if name == "digits":
        return data.digits(split)
    if name == "shapes":
        return data.shapes(4000 if split == "train" else 1000, split)
    return data.folder(name)


def held_out(model: str, name: str, output: Output) -> Pairs:
    """What of the data the model was not trained on, as far as its run directory tells."""
    pairs = open_data(name, "test")
    config = read_config(Path(model))
    if (
        config is None
        or name in SHIPPED
        or Path(name).resolve() not in [Path(trained).resolve() for trained in config.data]
    ):
        return pairs
    output.say(f"{name} was trained on: only its held-out pictures are used")
    return pairs.split(config.held_out, config.seed)[1]


def sample(pairs: Pairs, most: int, seed: int) -> Pairs:
    """At most so many of the pictures, drawn by the seed."""
    if len(pairs) <= most:
        return pairs
    return pairs.subset(np.sort(np.random.default_rng(seed).permutation(len(pairs))[:most]))


@dataclass(frozen=True, eq=False)
class Embedded:
    """What a CLIP makes of pairs: image_embeds (N, E) of the readable pictures, whose places in the pairs are `kept`, text_embeds
    (M, E) of the distinct captions, and positives bool (N, M), which belongs to which."""

    kept: np.ndarray
    image_embeds: np.ndarray
    text_embeds: np.ndarray
    positives: np.ndarray

    def consistency(self) -> ConsistencyReport:
        """Mean cosine of a picture and its captions, beside that of mismatched ones."""
        return modality_consistency(self.image_embeds, self.text_embeds, self.positives)


def embed(model: Any, pairs: Pairs) -> Embedded:
    """Pictures and distinct captions as the model's two towers see them."""
    bad = BadPictures()
    image_embeds = model.encode_image(pairs.arrays(model, bad_pictures=bad)["images"])
    kept = np.setdiff1d(np.arange(len(pairs)), bad.indices)
    captions, positives = distinct_captions(pairs, kept)
    return Embedded(kept, image_embeds, model.encode_text(captions), positives)


def evaluate(
    model: Any, pairs: Pairs, *, prefix: str = "", templates: Sequence[str] = (), embedded: Embedded | None = None
) -> list[Figure]:
    """Retrieval both ways over the distinct captions, and zero-shot accuracy where the pictures have classes.

    A caption belongs to every picture that has it. templates: default the data's own. embedded: what embed gave. Figures are
    named prefix + "zero_shot_top1", prefix + "recall@1_i2t", ...
    """
    seen = embed(model, pairs) if embedded is None else embedded
    figures = retrieval_report_from_embeds(seen.image_embeds, seen.text_embeds, seen.positives).figures
    if pairs.labels is not None:
        names = [name.replace("_", " ") for name in pairs.label_names]
        classes = label_embeddings(model.encode_text, names, templates or pairs.templates)
        zero_shot = zero_shot_accuracy(seen.image_embeds, classes, pairs.labels[seen.kept]).figures
        figures = (*(Figure(f"zero_shot_{figure.name}", figure.value, figure.chance) for figure in zero_shot), *figures)
    return [Figure(prefix + figure.name, figure.value, figure.chance) for figure in figures]


def distinct_captions(pairs: Pairs, kept: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The captions of the kept pictures, each once, and which picture has which: bool (kept, captions)."""
    captions = sorted({caption for index in kept for caption in pairs.captions[index]})
    number = {caption: position for position, caption in enumerate(captions)}
    positives = np.zeros((len(kept), len(captions)), bool)
    for row, index in enumerate(kept):
        positives[row, [number[caption] for caption in pairs.captions[index]]] = True
    return captions, positives
