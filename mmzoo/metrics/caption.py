"""How captions compare with what people wrote: BLEU, ROUGE-L, CIDEr-D, distinct-n, CLIPScore."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

ORDERS = (1, 2, 3, 4)
SIGMA = 6.0
"""Of CIDEr-D's penalty for a length that differs from the reference's, in words."""

Counts = tuple[Counter[tuple[str, ...]], ...]


@dataclass(frozen=True)
class CaptionReport:
    """Figures of captions against references, over the whole corpus.

    bleu_1 to bleu_4 in [0, 100], as sacrebleu prints them (arXiv:1804.08771); rouge_l in [0, 1]; cider_d in [0, 10]; distinct_1
    and distinct_2 in [0, 1]. count: captions. tokenize: sacrebleu's name of how texts became words, for all of the figures.
    """

    bleu_1: float
    bleu_2: float
    bleu_3: float
    bleu_4: float
    rouge_l: float
    cider_d: float
    distinct_1: float
    distinct_2: float
    count: int
    tokenize: str

    def to_dict(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)


def caption_report(
    captions: Sequence[str], references: Sequence[Sequence[str]], *, tokenize: str = "13a"
) -> CaptionReport:
    """Compares N captions with the references of each, one or several.

    tokenize: "13a" (mteval's, for languages with spaces) or "zh" (each Chinese character a word), as sacrebleu has them. All is
    lower-cased first. BLEU is the corpus's, without smoothing, as captioning reports it.
    Raises ValueError for no captions, a caption without a reference, or as many references as there are not captions.
    """
    from sacrebleu.metrics import BLEU

    if tokenize not in BLEU.TOKENIZERS:
        raise ValueError(f"tokenize must be one of {', '.join(BLEU.TOKENIZERS)}, received {tokenize!r}")
    rows = _checked(captions, references)
    captions = [caption.lower() for caption in captions]
    rows = [[reference.lower() for reference in row] for row in rows]
    most = max(map(len, rows))
    # sacrebleu has None where a picture has fewer references than another.
    streams: Any = [[row[place] if place < len(row) else None for row in rows] for place in range(most)]
    bleu = {
        f"bleu_{order}": BLEU(tokenize=tokenize, max_ngram_order=order, smooth_method="none")
        .corpus_score(captions, streams)
        .score
        for order in ORDERS
    }
    words = BLEU(tokenize=tokenize).tokenizer
    said = [words(caption).split() for caption in captions]
    wanted = [[words(reference).split() for reference in row] for row in rows]
    return CaptionReport(
        **bleu,
        rouge_l=float(np.mean(rouge_l(said, wanted))),
        cider_d=float(np.mean(cider_d(said, wanted))),
        distinct_1=distinct(said, 1),
        distinct_2=distinct(said, 2),
        count=len(captions),
        tokenize=tokenize,
    )


def leave_one_out(
    captions: Sequence[str], references: Sequence[Sequence[str]], *, tokenize: str = "13a"
) -> tuple[CaptionReport, CaptionReport]:
    """Captions beside real ones: both against all references of a picture but one, the mean over which is left out.

    -> (report of the captions, report of the references). The one that is left out is compared with the others of its picture, so its
    figures are what people reach, on the same terms as the captions. Of pictures with more references than others the last are
    never left out.
    Raises ValueError as caption_report, and where a picture has no second reference.
    """
    rows = _checked(captions, references)
    if alone := [place for place, row in enumerate(rows) if len(row) < 2]:
        raise ValueError(f"references must have two texts or more for each caption, received one for {alone[0]}")
    ours, real = [], []
    for place in range(min(map(len, rows))):
        others = [row[:place] + row[place + 1 :] for row in rows]
        ours.append(caption_report(captions, others, tokenize=tokenize))
        real.append(caption_report([row[place] for row in rows], others, tokenize=tokenize))
    return _mean(ours), _mean(real)


def rouge_l(captions: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> np.ndarray:
    """F-measure of the longest common subsequence with the best of its references (ROUGE-L; Lin, 2004, section 3.1, beta = 1).

    Captions and references as words; -> (N,) float64 in [0, 1].
    """
    return np.array(
        [
            max(_overlap(caption, reference) for reference in row)
            for caption, row in zip(captions, references, strict=True)
        ]
    )


def cider_d(captions: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> np.ndarray:
    """CIDEr-D (arXiv:1411.5726, section 5 and the appendix): how much of what is particular to the references a caption says.

    N-grams of 1 to 4 words weigh as they are rare among the references of all N pictures, so few pictures say little. Captions and
    references as words; -> (N,) float64 in [0, 10].
    """
    pictures = len(references)
    rows = [[_counts(reference) for reference in row] for row in references]
    seen: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        seen.update({gram for counts in row for each in counts for gram in each})
    rarity = {gram: math.log(pictures) - math.log(count) for gram, count in seen.items()}
    unseen = math.log(pictures)

    def weigh(counts: Counter[tuple[str, ...]]) -> dict[tuple[str, ...], float]:
        return {gram: count * rarity.get(gram, unseen) for gram, count in counts.items()}

    scores = []
    for caption, row in zip(captions, rows, strict=True):
        said, total = _counts(caption), 0.0
        for reference in row:
            # The reference implementation counts pairs of words for the length.
            shorter = _total(said[1]) - _total(reference[1])
            near = math.exp(-(shorter**2) / (2 * SIGMA**2))
            total += sum(near * _cosine(weigh(a), weigh(b)) for a, b in zip(said, reference, strict=True))
        scores.append(10 * total / (len(ORDERS) * len(row)))
    return np.array(scores)


def distinct(captions: Sequence[Sequence[str]], order: int) -> float:
    """Share of the n-grams of all captions that are there once or more, each counted once (arXiv:1510.03055, section 5.3), in [0, 1]."""
    grams = [gram for caption in captions for gram in _grams(caption, order)]
    return len(set(grams)) / len(grams) if grams else 0.0


def clip_score(clip: Any, images: Any, captions: Sequence[str], *, scale: float = 2.5) -> np.ndarray:
    """CLIPScore, scale * max(cosine, 0), of each picture with its caption (arXiv:2104.08718, section 3): -> (N,) float32.

    scale: 2.5 is the paper's; 100 that of other packages. Another CLIP gives other figures: say which. images (N, H, W, 3) in
    [0, 255] at the CLIP's size. Raises ValueError for as many captions as there are not pictures.
    """
    if len(images) != len(captions):
        raise ValueError(f"captions must be {len(images)}, one for each picture, received {len(captions)}")
    cosines = (clip.encode_image(images) * clip.encode_text(list(captions))).sum(axis=1)
    return scale * np.maximum(cosines, 0)


def _mean(reports: Sequence[CaptionReport]) -> CaptionReport:
    means: dict[str, Any] = {
        field.name: float(np.mean([getattr(report, field.name) for report in reports]))
        for field in fields(CaptionReport)
        if field.type == "float"
    }
    return replace(reports[0], **means)


def _checked(captions: Sequence[str], references: Sequence[Sequence[str]]) -> list[list[str]]:
    if isinstance(captions, str) or not len(captions):
        raise ValueError(f"captions must be one string or more in a list, received {captions!r}")
    if odd := [caption for caption in captions if not isinstance(caption, str)]:
        raise ValueError(f"captions must be strings, received {odd[0]!r}")
    rows = [[row] if isinstance(row, str) else list(row) for row in references]
    if len(rows) != len(captions):
        raise ValueError(f"references must be {len(captions)} rows, one for each caption, received {len(rows)}")
    if empty := [place for place, row in enumerate(rows) if not row or not all(isinstance(each, str) for each in row)]:
        raise ValueError(f"references must have one text or more for each caption, received none for {empty[0]}")
    return rows


def _overlap(caption: Sequence[str], reference: Sequence[str]) -> float:
    common = np.zeros(len(reference) + 1, int)
    for word in caption:
        before = common.copy()
        for place, other in enumerate(reference):
            common[place + 1] = before[place] + 1 if word == other else max(before[place + 1], common[place])
    if not common[-1]:
        return 0.0
    precision, recall = common[-1] / len(caption), common[-1] / len(reference)
    return float(2 * precision * recall / (precision + recall))


def _grams(words: Sequence[str], order: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + order]) for start in range(len(words) - order + 1)]


def _counts(words: Sequence[str]) -> Counts:
    return tuple(Counter(_grams(words, order)) for order in ORDERS)


def _total(counts: Counter[tuple[str, ...]]) -> int:
    return sum(counts.values())


def _cosine(said: dict[tuple[str, ...], float], wanted: dict[tuple[str, ...], float]) -> float:
    """Of two weighted counts, what is said more often than wanted counting no more than wanted."""
    product = sum(min(said[gram], weight) * weight for gram, weight in wanted.items() if gram in said)
    norms = math.sqrt(sum(x * x for x in said.values())) * math.sqrt(sum(x * x for x in wanted.values()))
    return product / norms if norms else 0.0
