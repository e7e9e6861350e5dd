"""Single shapes drawn as their captions say, judged by template overlap: a checker that never learned."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from drawing.recipe import kept, seeds_of, train_clip, train_gan
from report import Row
from sections import Measured, Section, progress

if TYPE_CHECKING:
    from mmzoo import TextToImage

SEEDS = (0, 1, 2)
PICTURES = 12_000
CLIP_SECONDS, SECONDS = 120, 480
EACH = {"seen": 8, "held_out": 40}
"""Pictures drawn of each of the 126 combinations that training shows, and of the 18 that it never does."""
FIGURES = ("colour", "background", "size", "shape", "all")


def section(seed: int) -> Section:
    """One seed, the same in both forms."""
    return partial(measure, seed)


def measure(seed: int, arguments: argparse.Namespace) -> Measured:
    from mmzoo import data

    seed = seed + arguments.seed
    pairs = data.shapes(PICTURES, seed=seed, languages=("en",), hard_negatives=True)
    clip, took_clip = kept(arguments, f"shapes_{seed}_clip", lambda: train_clip(pairs, CLIP_SECONDS, seed))
    name = f"shapes_{seed}"
    model, took = kept(arguments, name, lambda: train_gan(pairs, clip, SECONDS, seed, name=name))
    progress(f"{name}: {took_clip | took}")
    rows, details = judged(model, name, 32, seed)
    seconds = took["seconds"] + took_clip["clip_seconds"]
    rows.append(Row(f"{name}_seconds", seconds, unit="s of two cores, CLIP included"))
    sizes = {"generator": model.generator.count_params(), "discriminator": model.discriminator.count_params()}
    return rows, details | took | took_clip | {"seed": seed, "train_pictures": PICTURES, "parameters": sizes}


def judged(model: TextToImage, name: str, image_size: int, seed: int) -> tuple[list[Row], dict[str, Any]]:
    """Pictures of every combination in every English wording, judged; beside each figure that of real pictures."""
    from mmzoo import data
    from mmzoo.data.scenes import COMBINATIONS, HELD_OUT, Object, Scene
    from mmzoo.data.scenes.captioning import WORDINGS, caption

    rows, details = [], {}
    for part, each in EACH.items():
        scenes, texts = [], []
        for combination in COMBINATIONS:
            if (combination in HELD_OUT) == (part == "held_out"):
                thing = Object(combination.shape, combination.colour, combination.size, 0.5, 0.5)
                scene = Scene((thing,), combination.background)
                scenes += [scene] * each
                texts += [caption(scene, "en", number % WORDINGS["en"]) for number in range(each)]
        report = data.judge_pictures(model.generate(texts, seed=1_000 + seed), scenes)
        split = "held_out" if part == "held_out" else "test"
        real = data.shapes(len(texts), split, seed=1_000 + seed, image_size=image_size, languages=("en",))
        of_real = data.judge_pictures(real.images, real.truth)
        progress(f"{name}, {part}: {report}")
        suffix = "" if part == "seen" else "_held_out"
        shares = {figure: "all_right" if figure == "all" else figure for figure in FIGURES}
        rows += [
            Row(f"{name}_{figure}{suffix}", getattr(report, field), getattr(of_real, field), "real pictures")
            for figure, field in shares.items()
        ]
        if part == "seen":
            ratio = report.position_spread / of_real.position_spread
            rows.append(Row(f"{name}_position_spread", ratio, 1.0, "real pictures"))
        details[part] = report.to_dict()
    return rows, details


def summary(arguments: argparse.Namespace) -> Measured | None:
    """Means of the seeds and the worst of them, from the file that holds them; with --full alone."""
    figures = seeds_of("shapes", SEEDS, arguments)
    if figures is None:
        return None
    names = (*FIGURES, *(f"{figure}_held_out" for figure in FIGURES), "position_spread")
    means = {name: sum(figures(name)) / len(SEEDS) for name in names}
    rows = [Row(f"shapes_mean_{name}", mean) for name, mean in means.items()]
    rows.append(Row("shapes_worst_shape", min(figures("shape"))))
    rows.append(Row("shapes_worst_seconds", max(figures("seconds")), unit="s of two cores, CLIP included"))
    gaps = [means[name] - means[f"{name}_held_out"] for name in FIGURES]
    rows.append(Row("shapes_largest_held_out_gap", max(gaps)))
    return rows, {"seeds": list(SEEDS)}
