"""Whether the two modalities of a pair agree: the cosine of pairs against that of mismatched pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmzoo.metrics.retrieval import check_positives
from mmzoo.metrics.task_report import text_table


@dataclass(frozen=True)
class ConsistencyReport:
    """Mean cosine of the pairs and of all mismatched pairs, in [-1, 1], and their difference, gap.

    The gap is 0 for embeddings that know nothing of each other, and at most 2. mismatched, gap: None where no pair is mismatched.
    """

    pairs: int
    matched: float
    mismatched: float | None
    gap: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Ready for JSON: "pairs", "matched", "mismatched", "gap"."""
        return dict(vars(self))

    def __str__(self) -> str:
        rows = [("pairs", self.matched), ("mismatched pairs", self.mismatched), ("gap", self.gap)]
        return f"{self.pairs} pairs\n{text_table(('', 'mean cosine'), rows)}"


def modality_consistency(
    image_embeds: np.ndarray, text_embeds: np.ndarray, positives: np.ndarray | None = None
) -> ConsistencyReport:
    """Mean cosine of an image with its own texts, of an image with the others' texts, and the gap between the two.

    image_embeds (N, E), text_embeds (M, E), of any norm above 0. positives: which belong together, as for recall_at_k: bool
    (N, M), or for each text the index of its image (M,), by default the diagonal. Rows of which several belong together,
    such as repeated captions, would else count as mismatched.
    Raises ValueError if shapes or positives do not fit, there is no pair, or a row has no direction: zeros, nan, infinity.
    """
    images, texts = unit_rows("image_embeds", image_embeds), unit_rows("text_embeds", text_embeds)
    if images.shape[1] != texts.shape[1]:
        raise ValueError(f"embeds must be (N, E) and (M, E), received {images.shape} and {texts.shape}")
    positives = check_positives(positives, (len(images), len(texts)))
    rows, columns = np.nonzero(positives) if positives.ndim == 2 else (positives, np.arange(len(texts)))
    if not len(rows):
        raise ValueError("positives must hold at least one pair, received none")
    matched = float(np.einsum("ij,ij->", images[rows], texts[columns]))
    others = len(images) * len(texts) - len(rows)
    total = float(images.sum(axis=0) @ texts.sum(axis=0))  # of all cosines, without making them
    mean = matched / len(rows)
    if not others:
        return ConsistencyReport(len(rows), mean, None, None)
    mismatched = (total - matched) / others
    return ConsistencyReport(len(rows), mean, mismatched, mean - mismatched)


def unit_rows(name: str, embeds: np.ndarray) -> np.ndarray:
    """The embeds (N, E) as float64 of norm 1. Raises ValueError where there is no row, or one without a direction."""
    values = np.asarray(embeds, np.float64)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"{name} must be (N, E) with at least one row, received {values.shape}")
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    without = ~(np.isfinite(norms) & (norms > 0)).all(axis=1)
    if without.any():
        raise ValueError(
            f"{name} must have a direction each, received zeros, nan or infinity in {np.count_nonzero(without)} rows"
        )
    return values / norms
