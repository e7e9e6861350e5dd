"""What is harder than one shape at 32 pixels: 64 pixels, two objects with a relation, and real photographs."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from drawing.recipe import kept, report_rows, seeds_of, train_clip, train_gan
from drawing.shapes import CLIP_SECONDS, PICTURES, SEEDS, judged
from report import Row
from sections import Measured, Section, progress

if TYPE_CHECKING:
    import numpy as np

LARGE_SECONDS = 1_000
PAIR_CLIP_SECONDS, PAIR_SECONDS = 180, 420
PHOTO_CLIP_SECONDS, PHOTO_SECONDS = 150, 480
DRAWN = 1_000


def section(seed: int) -> Section:
    """One seed of single shapes at 64 pixels."""
    return partial(large, seed)


def large(seed: int, arguments: argparse.Namespace) -> Measured | None:
    """The captions are read by a CLIP of 32 pixels."""
    from mmzoo import data

    if not arguments.full:
        return None
    small = data.shapes(PICTURES, seed=seed, languages=("en",))
    clip, took_clip = kept(arguments, f"shapes_{seed}_clip", lambda: train_clip(small, CLIP_SECONDS, seed))
    pairs = data.shapes(PICTURES, seed=seed, languages=("en",), hard_negatives=True, image_size=64)
    name = f"large_{seed}"
    model, took = kept(
        arguments, name, lambda: train_gan(pairs, clip, LARGE_SECONDS, seed, name=name, image_size=64, width=8)
    )
    rows, details = judged(model, name, 64, seed)
    seconds = took["seconds"] + took_clip["clip_seconds"]
    rows.append(Row(f"{name}_seconds", seconds, unit="s of two cores, CLIP included"))
    return rows, details | took | took_clip


def summary(arguments: argparse.Namespace) -> Measured | None:
    """Means of the seeds, from the file that holds them; with --full alone."""
    figures = seeds_of("large", SEEDS, arguments)
    if figures is None:
        return None
    rows = [Row(f"large_mean_{name}", sum(figures(name)) / len(SEEDS)) for name in ("all", "all_held_out")]
    rows.append(Row("large_worst_all", min(figures("all"))))
    rows.append(Row("large_worst_seconds", max(figures("seconds")), unit="s of two cores, CLIP included"))
    return rows, {"seeds": list(SEEDS)}


def relation(arguments: argparse.Namespace) -> Measured | None:
    """Two objects, and how they stand to one another; reported, no bar."""
    from mmzoo import data

    if not arguments.full:
        return None
    seed = arguments.seed
    pairs = data.shapes(PICTURES, seed=seed, objects=(2, 2), languages=("en",), hard_negatives=True)
    clip, took_clip = kept(arguments, f"relation_{seed}_clip", lambda: train_clip(pairs, PAIR_CLIP_SECONDS, seed))
    model, took = kept(
        arguments, f"relation_{seed}", lambda: train_gan(pairs, clip, PAIR_SECONDS, seed, name="relation")
    )
    test = data.shapes(DRAWN, "test", seed=seed, objects=(2, 2), languages=("en",))
    report = data.judge_pictures(model.generate([row[0] for row in test.captions], seed=1_000 + seed), test.truth)
    real = data.judge_pictures(test.images, test.truth)
    progress(f"relation: {report}")
    rows = [
        Row(f"relation_{figure}", getattr(report, field), getattr(real, field), "real pictures")
        for figure, field in {
            "all": "all_right",
            "shape": "shape",
            "colour": "colour",
            "size": "size",
            "background": "background",
            "relations": "relations",
        }.items()
    ]
    return rows, report.to_dict() | took | took_clip


def photos(arguments: argparse.Namespace) -> Measured | None:
    """Real photographs with their class names, "a photo of a frog"; reported, no bar.

    Read back by a CLIP that neither read nor guided, and compared by that CLIP's features with photographs of the test set.
    """
    from mmzoo import data
    from mmzoo.metrics import encoder_features, generation_report, label_embeddings, zero_shot_accuracy

    if not arguments.full:
        return None
    if arguments.data is None:
        print("photos: --data FOLDER is needed", flush=True)
        return None
    seed = arguments.seed
    names = [line.strip() for line in (arguments.data / "classes.txt").read_text().splitlines() if line.strip()]
    train, test = (
        data.folder(arguments.data, pattern=pattern, class_names=names, labels_from_captions=True)
        for pattern in ("train-*.tar", "test-*.tar")
    )
    texts = [f"a photo of a {name}" for name in names]
    train = data.Pairs(
        _pictures(train),
        tuple((texts[label],) for label in train.labels),
        train.labels,
        train.label_names,
        augment=data.Augment(crop=(1.0, 1.0), flip=True),
    )
    clips = {}
    for use, clip_seed in (("reads", seed), ("judges", seed + 100)):
        clips[use], took_clip = kept(
            arguments, f"photos_{use}", lambda clip_seed=clip_seed: train_clip(train, PHOTO_CLIP_SECONDS, clip_seed)
        )
    model, took = kept(
        arguments,
        f"photos_{seed}",
        lambda: train_gan(
            train, clips["reads"], PHOTO_SECONDS, seed, name="photos", augmentation={"translation": 0.125}
        ),
    )
    labels = [place % len(names) for place in range(DRAWN)]
    drawn, real, judge = (
        model.generate([texts[label] for label in labels], seed=1_000 + seed),
        _pictures(test),
        clips["judges"],
    )
    classes = label_embeddings(judge.encode_text, names, ("a photo of a {}",))
    top1 = {
        of: zero_shot_accuracy(judge.encode_image(pictures), classes, wanted, (1,)).figures[0].value
        for of, pictures, wanted in (("drawn", drawn, labels), ("real", real, test.labels))
    }
    features = encoder_features(judge.image_tower, "our CLIP")
    report = generation_report(features(real), features(drawn), extractor=features.name)
    progress(f"photos: {report}")
    rows = [Row("photos_right_class", top1["drawn"], top1["real"], "real photographs")]
    rows += report_rows("photos", report)
    return rows, {"report": report.to_dict(), **took, **took_clip}


def _pictures(pairs: Any) -> np.ndarray:
    import numpy as np

    return np.stack([pairs.image_at(index) for index in range(len(pairs))])
