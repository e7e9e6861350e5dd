"""A captioner's captions beside the data's own, and, of drawn scenes, beside what is there to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo import data
from mmzoo.attention_maps import attention_map
from mmzoo.cli.output import table_of
from mmzoo.data import BadPictures, Pairs
from mmzoo.data.scenes import Scene, SceneReport
from mmzoo.data.scenes.words import is_chinese
from mmzoo.metrics import CaptionReport, caption_report, leave_one_out
from mmzoo.models import Captioner, CoCa
from mmzoo.plots import plot_captions
from mmzoo.tokenizer import Tagged

FIGURES = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider_d", "distinct_1", "distinct_2")
SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {"strategy": "beam", "num_beams": 1},  # as "greedy", with a score that compares
    "beam": {"strategy": "beam", "num_beams": 4},
}
SHOWN = 8


@dataclass(frozen=True, eq=False)
class Captioned:
    """Pictures (N, H, W, 3) as the model sees them, their references, and what each search wrote.

    texts, reports: by the name of the search. real: the references themselves, compared as leave_one_out does, and so are then the
    reports; None where a picture has no second reference. truth: by the name of the search, of drawn scenes. beam_at_least_greedy:
    the share of pictures whose beam's score is at least the greedy text's.
    """

    images: np.ndarray
    references: tuple[tuple[str, ...], ...]
    texts: dict[str, list[str]]
    reports: dict[str, CaptionReport]
    real: CaptionReport | None
    truth: dict[str, SceneReport]
    beam_at_least_greedy: float

    def to_dict(self) -> dict[str, Any]:
        """The figures by the name of the search."""
        record: dict[str, Any] = {name: report.to_dict() for name, report in self.reports.items()}
        for name, report in self.truth.items():
            record[name]["truth"] = report.to_dict()
        if self.real is not None:
            record["real_captions"] = self.real.to_dict()
        return record | {"beam_at_least_greedy": self.beam_at_least_greedy}


def in_language(model: Captioner, pairs: Pairs, language: str | None) -> Pairs:
    """The pairs with the captions in a language alone, as far as their letters tell: Chinese ones have Chinese characters.

    Raises ValueError where a picture has none, or the model knows no such language.
    """
    _tag(model, language)
    if language is None:
        return pairs
    wanted = language.partition("-")[0] == "zh"
    captions = tuple(tuple(text for text in row if is_chinese(text) == wanted) for row in pairs.captions)
    if not all(captions):
        raise ValueError(
            f"--data must have a caption in the language {language} for each picture, received one without"
        )
    return replace(pairs, captions=captions)


def caption_pairs(model: Captioner, pairs: Pairs, language: str | None) -> Captioned:
    """Writes about every readable picture, greedily and by beam search, and compares."""
    bad = BadPictures()
    images = pairs.arrays(model, bad_pictures=bad)["images"]
    kept = np.setdiff1d(np.arange(len(pairs)), bad.indices)
    references = tuple(pairs.captions[index] for index in kept)
    tag = _tag(model, language)
    found = {name: model.generate(images, language=tag, **options) for name, options in SEARCHES.items()}
    texts = {name: [str(each) for each in row] for name, row in found.items()}
    tokenize = "zh" if any(is_chinese(text) for row in references for text in row) else "13a"
    reports, real = {}, None
    for name, row in texts.items():
        if all(len(row) > 1 for row in references):
            reports[name], real = leave_one_out(row, references, tokenize=tokenize)
        else:
            reports[name] = caption_report(row, references, tokenize=tokenize)
    truth = {}
    if pairs.truth is not None and isinstance(pairs.truth[0], Scene):
        truth = {name: data.judge_captions(row, [pairs.truth[index] for index in kept]) for name, row in texts.items()}
    better = [beam.score >= greedy.score - 1e-5 for beam, greedy in zip(found["beam"], found["greedy"], strict=True)]
    return Captioned(images, references, texts, reports, real, truth, float(np.mean(better)))


def caption_table(title: str, captioned: Captioned) -> Any:
    """Greedy beside beam beside what the references are worth to each other."""
    table = table_of("figure", *SEARCHES, "real captions", title=title)
    for figure in FIGURES:
        row = [getattr(report, figure) for report in captioned.reports.values()]
        real = "" if captioned.real is None else f"{getattr(captioned.real, figure):.3f}"
        table.add_row(figure, *(f"{value:.3f}" for value in row), real)
    for figure in ("all_right", "shape", "colour", "size", "background", "relations", "missed", "invented"):
        if captioned.truth:
            table.add_row(figure, *(f"{getattr(report, figure):.3f}" for report in captioned.truth.values()), "")
    table.add_row("beam at least greedy", "", f"{captioned.beam_at_least_greedy:.3f}", "")
    return table


def draw_captions(model: Captioner, captioned: Captioned, language: str | None, folder: Path) -> None:
    """captions.png: pictures, references, captions, and where the words of the greedy one looked."""
    folder.mkdir()
    shown = range(min(SHOWN, len(captioned.images)))
    texts = [
        {"reference": captioned.references[row][0]} | {name: said[row] for name, said in captioned.texts.items()}
        for row in shown
    ]
    tag = _tag(model, language)
    looks = [_look(model, captioned.images[row], captioned.texts["greedy"][row], tag) for row in shown]
    plot_captions([captioned.images[row] for row in shown], texts, folder / "captions.png", looks)


def _look(model: Captioner, image: np.ndarray, text: str, language: str | None) -> Sequence[tuple[str, np.ndarray]]:
    """Nothing of a caption without words, or of a CoCa, whose decoder looks at no regions."""
    if not text.strip() or isinstance(model, CoCa):
        return ()
    found = attention_map(model, image, text if language is None else Tagged(text, language))
    return list(zip(found.words, found.weights, strict=True))[:12]


def _tag(model: Captioner, language: str | None) -> str | None:
    """What a language is to the model: nothing where its tokenizer has no tags. Raises ValueError for one that it has none for."""
    tags = {} if model.tokenizer is None else model.tokenizer.language_ids
    if language is not None and tags and language not in tags:
        raise ValueError(f"--language must be one of {', '.join(tags)} for this captioner, received {language!r}")
    return language if tags else None
