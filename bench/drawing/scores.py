"""What a CLIP that neither read nor guided says of drawn shapes, what choosing by it gains, and whether they help to train another."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from drawing.recipe import kept, report_rows, train_clip, train_gan
from drawing.shapes import CLIP_SECONDS, PICTURES, SECONDS
from report import Row
from sections import Measured, progress

if TYPE_CHECKING:
    from mmzoo import CLIP, TextToImage

DRAWN = 1_000
CANDIDATES = 8
FEW, EXTRA, EXTRA_SECONDS = 300, 3_000, 60
JUDGE_SEED = 100


def judged_by_clip(arguments: argparse.Namespace) -> Measured | None:
    """CLIPScore, R-precision, distances of features, and the best of eight."""
    from mmzoo import data
    from mmzoo.metrics import clip_score, encoder_features, generation_report, r_precision

    if not arguments.full:
        return None
    model = painter(arguments)
    other = data.shapes(PICTURES, seed=JUDGE_SEED, languages=("en",))
    judge, _ = kept(arguments, "shapes_judge", lambda: train_clip(other, CLIP_SECONDS, JUDGE_SEED))
    test, more = (data.shapes(DRAWN, "test", seed=seed, languages=("en",)) for seed in (5, 6))
    texts = [row[0] for row in test.captions]
    drawn = model.generate(texts, seed=2_000)
    embeds, groups = judge.encode_text(texts), test.labels.tolist()
    kinds = {"drawn": drawn, "real": test.images}
    scores = {kind: float(clip_score(judge, pictures, texts).mean()) for kind, pictures in kinds.items()}
    found = {kind: r_precision(judge.encode_image(pictures), embeds, groups).value for kind, pictures in kinds.items()}
    rows = [
        Row("shapes_clip_score", scores["drawn"], scores["real"], "real pictures"),
        Row("shapes_r_precision", found["drawn"], found["real"], "real pictures"),
    ]
    features = encoder_features(judge.image_tower, "our CLIP")
    report = generation_report(features(more.images), features(drawn), extractor=features.name)
    rows += report_rows("shapes", report)
    best = model.generate(texts, seed=2_000, candidates=CANDIDATES, judge=judge)
    first, chosen = (data.judge_pictures(pictures, test.truth).all_right for pictures in (drawn, best))
    rows.append(Row(f"shapes_best_of_{CANDIDATES}_all", chosen, first, "the first"))
    return rows, {"report": report.to_dict(), "drawn": DRAWN}


def extra_pairs(arguments: argparse.Namespace) -> Measured | None:
    """A CLIP of few real pictures, with and without drawn ones beside them, in the same time."""
    from mmzoo import data

    if not arguments.full:
        return None
    model = painter(arguments)
    few = data.shapes(FEW, seed=7, languages=("en",))
    test = data.shapes(DRAWN, "test", seed=7, languages=("en",))
    drawn = data.drawn_pairs(model, few.all_captions(), EXTRA, seed=7, augment=few.augment)
    top1 = {}
    for name, pairs in (("without", few), ("with", few.concat(drawn))):
        clip, _ = train_clip(pairs, EXTRA_SECONDS, 7, batch=128)
        top1[name] = _top1(clip, test)
        progress(f"extra pairs: {name} {top1[name]:.4f}")
    return [Row("extra_pairs_top1", top1["with"], top1["without"], f"{FEW} real pictures alone")], {"extra": EXTRA}


def painter(arguments: argparse.Namespace) -> TextToImage:
    from mmzoo import data

    pairs = data.shapes(PICTURES, seed=0, languages=("en",), hard_negatives=True)
    clip, _ = kept(arguments, "shapes_0_clip", lambda: train_clip(pairs, CLIP_SECONDS, 0))
    return kept(arguments, "shapes_0", lambda: train_gan(pairs, clip, SECONDS, 0, name="shapes_0"))[0]


def _top1(clip: CLIP, test: Any) -> float:
    from mmzoo.metrics import zero_shot_accuracy

    classes = clip.encode_text(list(test.label_names))
    return zero_shot_accuracy(clip.encode_image(test.images), classes, test.labels, (1,)).figures[0].value
