"""One relation, "is the red circle left of the blue square?", attention against concatenation on the same towers.

The relation is trained with questions about 12 of the 18 coloured shapes, and asked of scenes never seen: "known" are questions about
these, "new" those that name one of the other six. The others occur in the pictures, and pretraining asks about their sizes, so what
they are called is known. A vector of a dozen things and their places answers known questions; new ones tell whether a model compares
what the words name.

Pretraining is of two steps: the image tower learns which things a scene holds; each trunk then learns questions about colours, shapes,
sizes and numbers, of no relation. All cells have the same towers; concatenation gets the mean of the image tower's 8 x 8 regions.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from budget import Budget
from fusing.recipe import (
    BATCH,
    WIDTH,
    Sizes,
    described,
    image_tower,
    judge,
    text_tower,
    tokenizer_of,
    train,
)
from report import Row
from sections import Measured, progress

if TYPE_CHECKING:
    from mmzoo.data import Examples

KIND = "left of"
NEW = ("red circle", "green circle", "orange square", "cyan square", "yellow triangle", "purple triangle")
ATTRIBUTES = ("colour", "shape", "size", "count", "compare")
SCENES, EXAMPLES, TESTED = 20_000, 40_000, 4_000
SEEING, ASKING = 20.0, 60.0
"""Seconds of two cores: of the image tower, of the trunk's pretraining."""

PEAK_RATE, WIDTHS = 2e-3, (16, 48)
RELATING = {
    "cross_attention": 120.0,
    "co_attention": 120.0,
    "concat": 600.0,
}
"""Seconds of two cores that the relation is trained: attention needs no more, concatenation has all of the ten minutes."""


def measure(arguments: argparse.Namespace) -> Measured | None:
    """The full form only: it takes half an hour."""
    if not arguments.full:
        progress("the relation is trained with --full only")
        return None
    examples = _examples(arguments.seed)
    cells = {fusion: _measured(fusion, examples, arguments.seed) for fusion in RELATING}
    rows = []
    for name, cell in cells.items():
        for test in ("known", "new"):
            for what in ("accuracy", "images_shuffled", "texts_shuffled"):
                suffix = "" if what == "accuracy" else f"_{what}"
                value, chance = cell[f"{test}_{what}"], cell[f"{test}_chance"]
                rows.append(Row(f"relation_{test}_{name}{suffix}", value, chance, "chance"))
    for test in ("known", "new"):
        figure = {name: cell[f"{test}_accuracy"] for name, cell in cells.items()}
        attending = max(figure[fusion] for fusion in RELATING if fusion != "concat")
        rows.append(Row(f"relation_{test}_attending", attending, figure["concat"], "concatenation"))
        rows.append(Row(f"relation_{test}_gain", attending - figure["concat"]))
    rows.append(Row("relation_seconds", max(cell["seconds"] for cell in cells.values()), unit="s of two cores, each"))
    return rows, {"cells": cells, "new": NEW}


def _examples(seed: int) -> dict[str, Examples]:
    """What is asked in pretraining, in training, and in the two tests."""
    import numpy as np

    from mmzoo import data

    def related(split: str, count: int, new: bool) -> Examples:
        asked = data.shape_questions(split, count, kinds=(KIND,), seed=seed)
        return asked.subset(np.flatnonzero([any(name in text for name in NEW) == new for text in asked.texts]))

    return {
        "asked": data.shape_questions("train", EXAMPLES, kinds=ATTRIBUTES, objects=(2, 3), seed=seed + 1),
        "related": related("train", EXAMPLES, False),
        "known": related("test", TESTED, False),
        "new": related("test", TESTED, True),
    }


def _measured(fusion: str, examples: dict[str, Examples], seed: int) -> dict[str, float]:
    import keras

    from mmzoo import build_vqa
    from mmzoo.fusion import FUSIONS

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    tokenizer, context_length = tokenizer_of(examples["asked"], *examples.values())
    sizes = Sizes(tokenizer, context_length)
    tower, text = _seeing_tower(seed), text_tower(tokenizer, context_length)
    fuse = FUSIONS[fusion](WIDTH, name="fusion")
    for lesson, seconds in (("asked", ASKING), ("related", RELATING[fusion])):
        labels = examples[lesson].label_names
        model = build_vqa(tower, text, labels, fuse, hidden=2 * WIDTH, tokenizer=tokenizer)
        took = train(model, [(examples[lesson].arrays(sizes), seconds)], PEAK_RATE)
        progress(f"{fusion}, {lesson}: {described(took)}")
    for test in ("known", "new"):
        figures = judge(model, examples[test].arrays(sizes), seed)
        progress(f"{fusion}, {test}: {described(figures)}")
        took |= {f"{test}_{name}": value for name, value in figures.items()}
    return took | {"parameters": model.count_params()}


def _seeing_tower(seed: int) -> Any:
    """An image tower that learned which of the 18 coloured shapes a scene holds."""
    import keras
    import numpy as np

    from mmzoo.data import scenes

    things = [(colour, shape) for colour in scenes.COLOURS for shape in scenes.SHAPES]
    drawn = [scenes.sample_scene("train", index, seed=seed + 2, objects=(2, 3)) for index in range(SCENES)]
    held = np.zeros((SCENES, len(things)), np.float32)
    for index, scene in enumerate(drawn):
        held[index, [things.index((thing.colour, thing.shape)) for thing in scene.objects]] = 1
    tower = image_tower(WIDTHS)
    images = keras.Input((32, 32, 3), name="images")
    logits = keras.layers.Dense(len(things))(tower({"images": images})["pooled"])
    budget = Budget(SEEING, PEAK_RATE)
    model = keras.Model(images, logits)
    model.compile(keras.optimizers.AdamW(PEAK_RATE), keras.losses.BinaryCrossentropy(from_logits=True))
    pictures = np.stack([scenes.render(scene, 32) for scene in drawn])
    model.fit(pictures, held, batch_size=BATCH, epochs=10_000, verbose=0, callbacks=[budget])
    return tower
