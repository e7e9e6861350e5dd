"""Handwritten digits drawn as asked, named by a classifier that learned from real ones alone: scikit-learn's support vectors."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from drawing.recipe import kept, seeds_of, train_clip, train_gan
from report import Row
from sections import Measured, Section, progress

if TYPE_CHECKING:
    import numpy as np

SEEDS = (0, 1, 2)
CLIP_SECONDS, SECONDS = 40, 300
EACH = 100


def section(seed: int) -> Section:
    """One seed, the same in both forms."""
    return partial(measure, seed)


def measure(seed: int, arguments: argparse.Namespace) -> Measured:
    from mmzoo import data
    from mmzoo.data.handwriting import digit_captions
    from mmzoo.metrics import diversity

    seed = seed + arguments.seed
    pairs, test = data.digits("train", languages=("en",)), data.digits("test")
    clip, took_clip = kept(arguments, f"digits_{seed}_clip", lambda: train_clip(pairs, CLIP_SECONDS, seed, batch=128))
    name = f"digits_{seed}"
    augmentation = {"translation": 0.1}
    model, took = kept(
        arguments, name, lambda: train_gan(pairs, clip, SECONDS, seed, name=name, augmentation=augmentation)
    )
    asked = [digit for digit in range(10) for _ in range(EACH)]
    wordings = {digit: digit_captions(digit, ("en",)) for digit in range(10)}
    texts = [wordings[digit][place % len(wordings[digit])] for place, digit in enumerate(asked)]
    drawn = model.generate(texts, seed=1_000 + seed)
    report = data.judge_digits(drawn, asked)
    progress(f"{name}: {report}; {took_clip | took}")

    def various(pictures: np.ndarray, of: list[int]) -> float:
        return diversity(pictures.reshape(len(pictures), -1) / 255, of)

    rows = [
        Row(f"{name}_right", report.right, report.on_real, "real ones"),
        Row(f"{name}_worst_right", min(report.per_digit), 0.1, "chance"),
        Row(f"{name}_classifier_on_real", report.on_real),
        Row(f"{name}_diversity", various(drawn, asked), various(test.images, test.labels.tolist()), "real ones"),
        Row(f"{name}_seconds", took["seconds"] + took_clip["clip_seconds"], unit="s of two cores, CLIP included"),
    ]
    return rows, {"seed": seed, **report.to_dict(), **took, **took_clip}


def summary(arguments: argparse.Namespace) -> Measured | None:
    """Means of the seeds, from the file that holds them; with --full alone."""
    figures = seeds_of("digits", SEEDS, arguments)
    if figures is None:
        return None
    names = ("right", "classifier_on_real", "diversity")
    return [Row(f"digits_mean_{name}", sum(figures(name)) / len(SEEDS)) for name in names], {"seeds": list(SEEDS)}
