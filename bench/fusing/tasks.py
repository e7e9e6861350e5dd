"""Every fusion on a task that neither modality decides, the same budget for each, beside what either modality alone learns.

Alone: the same classifier whose other modality is the same for every example, in training and in the test. The peer is plain Keras:
a convolutional network and a BiLSTM of about these sizes, concatenated, two dense layers; the same arrays and budget.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import Any

from fusing.recipe import (
    WIDTH,
    Arrays,
    Sizes,
    augmented,
    described,
    image_tower,
    judge,
    text_tower,
    tokenizer_of,
    train,
)
from report import Row
from sections import Measured, progress

LESSONS: dict[str, tuple[tuple[str | None, float], ...]] = {
    "sentiment": (("everyday", 20.0), (None, 60.0)),
    "digits": ((None, 60.0),),
}
"""Of each task, what is trained on for how many seconds of two cores: examples of one kind, then all. What a sentence says of a face
and what the face is are learned only together; from nothing that takes far longer than from the plainest sentences."""
PEAK_RATE = 1e-3
EXAMPLES, TESTED = 24_000, 3_600
WIDTHS = (16, 32, 64)
REPEATED = "bilinear"
"""The cell that --check trains again."""
PEER = "plain Keras, CNN and BiLSTM concatenated"


def measure(task: str, arguments: argparse.Namespace) -> Measured:
    """The full form trains every fusion, either modality alone and the peer; the short one a single fusion."""
    from mmzoo.fusion import FUSIONS

    given = _given(task, arguments.seed)
    cells: dict[str, dict[str, float]] = {}
    for fusion in FUSIONS if arguments.full else (REPEATED,):
        cells[fusion] = _cell(given, fusion)
        progress(f"{task}, {fusion}: {described(cells[fusion])}")
    rows = [row for fusion, cell in cells.items() for row in _rows(f"{task}_{fusion}", cell)]
    seconds = max(cell["seconds"] for cell in cells.values())
    rows.append(Row(f"{task}_seconds", seconds, unit="s of two cores, each cell"))
    over = max(max(cell["images_shuffled"], cell["texts_shuffled"]) - cell["chance"] for cell in cells.values())
    rows.append(Row(f"{task}_shuffled_over_chance", over))
    if not arguments.full:
        return rows, {"cells": cells}
    for modality, blank in (("image", "token_ids"), ("text", "images")):
        cells[f"{modality}_alone"] = cell = _cell(_without(given, blank), "concat")
        progress(f"{task}, {modality} alone: {described(cell)}")
        rows.append(Row(f"{task}_{modality}_alone", cell["accuracy"], cell["chance"], "chance"))
        rows.append(Row(f"{task}_{modality}_alone_over_chance", cell["accuracy"] - cell["chance"]))
    peer = _plain_keras(given)
    ranked = sorted((cells[fusion]["accuracy"] for fusion in FUSIONS), reverse=True)
    rows += [Row(f"{task}_best", ranked[0], peer, PEER), Row(f"{task}_second_best", ranked[1], peer, PEER)]
    return rows, {"cells": cells, "lessons": LESSONS[task], "train_examples": EXAMPLES, "test_examples": TESTED}


@dataclass(frozen=True)
class _Given:
    """The arrays of a task, made once for all cells."""

    task: str
    seed: int
    tokenizer: Any
    context_length: int
    labels: tuple[str, ...]
    lessons: tuple[tuple[Arrays, float], ...]
    tested: Arrays


def _given(task: str, seed: int) -> _Given:
    from mmzoo import data

    make = {"sentiment": data.sentiment, "digits": data.digit_questions}[task]
    training, test = make("train", EXAMPLES, seed=seed), make("test", TESTED, seed=seed)
    tokenizer, context_length = tokenizer_of(training, test)
    sizes = Sizes(tokenizer, context_length)
    lessons = []
    for kind, seconds in LESSONS[task]:
        chosen = [index for index, one in enumerate(training.kinds) if kind in (None, one)]
        lessons.append((augmented(training.subset(chosen), sizes, seed), seconds))
    return _Given(task, seed, tokenizer, context_length, training.label_names, tuple(lessons), test.arrays(sizes))


def _without(given: _Given, blank: str) -> _Given:
    """With one modality the same for every example: nothing can be learned from it."""
    import numpy as np

    value = given.tested[0][blank][:1]

    def blanked(arrays: Arrays) -> Arrays:
        x, y = arrays
        return {**x, blank: np.repeat(value, len(y), axis=0)}, y

    lessons = tuple((blanked(arrays), seconds) for arrays, seconds in given.lessons)
    return replace(given, lessons=lessons, tested=blanked(given.tested))


def _cell(given: _Given, fusion: str) -> dict[str, float]:
    import keras

    from mmzoo import build_classifier

    keras.backend.clear_session()
    keras.utils.set_random_seed(given.seed)
    model = build_classifier(
        image_tower(WIDTHS),
        text_tower(given.tokenizer, given.context_length),
        fusion,
        num_classes=len(given.labels),
        width=WIDTH,
        hidden=2 * WIDTH,
        labels=given.labels,
        tokenizer=given.tokenizer,
    )
    took = train(model, given.lessons, PEAK_RATE)
    return judge(model, given.tested, given.seed) | took | {"parameters": model.count_params()}


def _plain_keras(given: _Given) -> float:
    """Accuracy of the same task's model as one writes it in Keras alone."""
    import keras
    from keras import layers

    keras.backend.clear_session()
    keras.utils.set_random_seed(given.seed)
    images = keras.Input((32, 32, 3), name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    for width in (WIDTHS[0], *WIDTHS):
        for _ in range(2):
            x = layers.BatchNormalization()(layers.Conv2D(width, 3, padding="same", activation="relu")(x))
        x = layers.MaxPooling2D()(x)
    token_ids = keras.Input((given.context_length,), dtype="int32", name="token_ids")
    words = layers.Embedding(given.tokenizer.vocab_size, WIDTH, mask_zero=True)(token_ids)  # the pad is 0
    both = layers.Concatenate()([layers.Flatten()(x), layers.Bidirectional(layers.LSTM(WIDTH // 2))(words)])
    hidden = layers.Dense(2 * WIDTH, activation="relu")(layers.Dense(2 * WIDTH, activation="relu")(both))
    model = keras.Model([images, token_ids], layers.Dense(len(given.labels), activation="softmax")(hidden))
    took = train(model, given.lessons, PEAK_RATE, "sparse_categorical_crossentropy")
    x, y = given.tested
    accuracy = float((model.predict(x, batch_size=256, verbose=0).argmax(1) == y).mean())
    progress(f"{given.task}, plain Keras: {accuracy:.4f}, {described(took)}")
    return accuracy


def _rows(name: str, cell: dict[str, float]) -> list[Row]:
    chance = cell["chance"]
    return [
        Row(name, cell["accuracy"], chance, "chance"),
        *(Row(f"{name}_{what}", cell[what], chance, "chance") for what in ("images_shuffled", "texts_shuffled")),
    ]
