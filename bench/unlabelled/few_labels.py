"""What pre-training is worth where labels are few: 200 examples, the pre-trained trunk against the same model from nothing.

Both train on four fifths of the examples and keep the weights that were best on the last fifth; from nothing the model is given four
times as many steps, more than it needs. The seeds are of the drawing and the fine-tuning; the pre-trained trunk is one for all.
"""

from __future__ import annotations

import argparse
from typing import Any

from report import Row
from sections import Measured, progress
from unlabelled.learning import QUESTIONS, pretrained_trunk

LABELLED, VALIDATED, TESTED = 200, 40, 2_000
STEPS, LONGER, BATCH, RATE = 400, 4, 32, 1e-3
OFTEN = 4
"""Passes over the examples between two looks at those kept from training."""
SEEDS = 3


def measure(arguments: argparse.Namespace) -> Measured | None:
    """The full form only: it takes some minutes."""
    if not arguments.full:
        progress("few_labels is measured with --full only")
        return None
    pretrained, _ = pretrained_trunk(arguments.seed)
    pairs = [_compare(pretrained, arguments.seed + number) for number in range(SEEDS)]
    return _rows("few_labels", pairs), {"labelled": LABELLED, "seeds": pairs}


def _compare(pretrained: Any, seed: int) -> dict[str, float]:
    """Accuracies in the test of one drawing of the labelled examples."""
    import keras
    import numpy as np

    training, test = (_examples(split, count, seed) for split, count in (("train", LABELLED), ("test", TESTED)))
    found: dict[str, float] = {"chance": float(np.bincount(test.targets).max() / len(test))}
    for name, start, steps in (
        ("pretrained", _from_trunk, STEPS),
        ("from_nothing", _from_nothing, LONGER * STEPS),
    ):
        keras.utils.set_random_seed(seed)
        model = start(pretrained, training.label_names)
        found[name] = _fine_tune(model, training.arrays(model), test.arrays(model), steps)
    progress(f"seed {seed}: " + ", ".join(f"{name} {value:.4f}" for name, value in found.items()))
    return found


def _examples(split: str, count: int, seed: int) -> Any:
    """Scenes that the pre-training did not show, half of them with one object."""
    from mmzoo import data

    seed = 1_000 + seed if split == "train" else seed
    return data.shape_questions(split, count, kinds=QUESTIONS, objects=(1, 2), seed=seed)


def _from_trunk(pretrained: Any, labels: tuple[str, ...]) -> Any:
    return pretrained.to_classifier(len(labels), labels=labels)


def _from_nothing(pretrained: Any, labels: tuple[str, ...]) -> Any:
    """The same architecture with weights drawn anew."""
    fresh = type(pretrained).from_config(pretrained.get_config())
    fresh.tokenizer, fresh.image_preprocessing = pretrained.tokenizer, pretrained.image_preprocessing
    return fresh.to_classifier(len(labels), labels=labels)


def _fine_tune(model: Any, fitted: Any, tested: Any, steps: int) -> float:
    """Accuracy in the test of the weights that were best on what was kept from training."""
    import keras
    import numpy as np

    x, y = fitted
    kept = LABELLED - VALIDATED
    often = np.tile(np.arange(kept), OFTEN)
    parts = [
        ({name: values[rows] for name, values in x.items()}, y[rows]) for rows in (often, np.arange(kept, LABELLED))
    ]
    best = keras.callbacks.EarlyStopping("val_accuracy", mode="max", patience=steps, restore_best_weights=True)
    falling = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=RATE, warmup_steps=steps // 20)
    model.compile(keras.optimizers.AdamW(falling, weight_decay=0.01), metrics=["accuracy"], jit_compile=False)
    epochs = steps // (len(often) // BATCH)
    model.fit(*parts[0], batch_size=BATCH, epochs=epochs, validation_data=parts[1], callbacks=[best], verbose=0)
    x, y = tested
    return float((model.predict(x, batch_size=256, verbose=0).argmax(1) == y).mean())


def _rows(name: str, found: list[dict[str, float]]) -> list[Row]:
    import numpy as np

    ours, nothing = (np.array([cell[which] for cell in found]) for which in ("pretrained", "from_nothing"))
    gains = ours - nothing
    return [
        Row(name, float(ours.mean()), float(nothing.mean()), "from nothing"),
        Row(f"{name}_gain", float(gains.mean())),
        Row(f"{name}_gain_least", float(gains.min())),
        Row(f"{name}_gain_most", float(gains.max())),
        Row(f"{name}_spread", float(ours.std(ddof=1)), float(nothing.std(ddof=1)), "from nothing"),
        Row(f"{name}_chance", float(np.mean([cell["chance"] for cell in found]))),
    ]
