"""Captions of drawn scenes in two languages, judged by the scene itself."""

from __future__ import annotations

import argparse
from typing import Any

from describing.recipe import LANGUAGES, WORDS, captioner, has_language, tokenizer_of, train, written
from report import Row
from sections import Measured, progress

SECONDS = 240
PICTURES, TESTED, HELD_OUT = 12_000, 1000, 500
CHANCE = 1 / 144
"""One of the combinations of shape, colour, size and background."""
REAL = "real captions, each against the others"


def measure(decoder: str, arguments: argparse.Namespace) -> Measured:
    """The same in both forms: trains once, and judges captions of pictures and of combinations that training never showed."""
    import keras

    from mmzoo import data

    keras.utils.set_random_seed(arguments.seed)
    training = data.shapes(PICTURES, seed=arguments.seed, tagged=True)
    tokenizer, context_length = tokenizer_of(training)
    model = captioner(decoder, tokenizer, context_length)
    took = train(model, training, SECONDS, arguments.seed)
    progress(f"shapes, {decoder}: {took}")
    rows, details = [], {"parameters": model.count_params(), "train_pictures": PICTURES, **took}
    for split, count in (("test", TESTED), ("held_out", HELD_OUT)):
        pairs = data.shapes(count, split, seed=arguments.seed)
        for language in LANGUAGES:
            name = f"shapes_{decoder}_{language}" + ("" if split == "test" else f"_{split}")
            measured, report = _judged(model, pairs, name, language, whole=split == "test")
            rows, details = rows + measured, details | {name: report}
    return [*rows, Row(f"shapes_{decoder}_seconds", took["seconds"], unit="s of two cores")], details


def _judged(model: Any, pairs: Any, name: str, language: str, *, whole: bool) -> tuple[list[Row], dict[str, Any]]:
    from mmzoo import data
    from mmzoo.metrics import leave_one_out

    greedy = written(model, pairs.images, language, strategy="beam", num_beams=1)  # with a score that compares
    texts = [str(each) for each in greedy]
    report = data.judge_captions(texts, pairs.truth)
    progress(f"{name}: {report}; such as {texts[0]!r}")
    rows = [Row(f"{name}_all_right", report.all_right, CHANCE, "chance")]
    if not whole:
        return rows, report.to_dict()
    rows.append(
        Row(f"{name}_in_language", sum(has_language(text, language) for text in texts) / len(texts), 0.5, "chance")
    )
    half = len(pairs.captions[0]) // len(LANGUAGES)  # the captions of one language after those of the other
    first = LANGUAGES.index(language) * half
    real_captions = [row[first : first + half] for row in pairs.captions]
    ours, real = leave_one_out(texts, real_captions, tokenize=WORDS[language])
    for figure in ("bleu_4", "cider_d", "rouge_l"):
        rows.append(Row(f"{name}_{figure}", getattr(ours, figure), getattr(real, figure), REAL))
    beams = written(model, pairs.images, language, strategy="beam", num_beams=4)
    right = data.judge_captions([str(each) for each in beams], pairs.truth)
    rows.append(Row(f"{name}_beam_all_right", right.all_right, report.all_right, "greedy"))
    at_least = [beam.score >= one.score - 1e-5 for beam, one in zip(beams, greedy, strict=True)]
    rows.append(Row(f"{name}_beam_at_least_greedy", sum(at_least) / len(at_least)))
    return rows, report.to_dict()
