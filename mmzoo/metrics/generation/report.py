"""Generated pictures beside real ones, and real ones beside other real ones."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from mmzoo.metrics.generation.distances import SEED, check_features, frechet_distance, kernel_distance
from mmzoo.metrics.generation.extractors import INCEPTION_2015
from mmzoo.metrics.generation.scores import diversity, inception_score, precision_recall
from mmzoo.metrics.task_report import text_table

_SUBSET = 1000  # KID's own

_OWN_NAMES = {"fid": "FID", "kid": "KID"}


@dataclass(frozen=True)
class GenerationFigure:
    """One figure of generated pictures, and what real ones reach.

    name: "fid" ("frechet_distance" of features that are not the 2015 Inception's), "kid" ("kernel_distance"), "precision", "recall",
    "inception_score", "diversity". value: of all generated pictures and all real ones. paired: the same of `floor_count` pictures on
    either side, as many as floor has, so that the two compare. floor: of two such sets of real pictures. A score of one set,
    diversity or inception_score, has no paired, and the real pictures' own as its floor. std: of value, over subsets or splits.
    """

    name: str
    value: float
    paired: float | None
    floor: float
    std: float | None = None


@dataclass(frozen=True)
class GenerationReport:
    """Figures of generated pictures against real ones by the features of one extractor, with the numbers of pictures.

    floor_count: pictures on either side of every paired and floor figure.
    """

    extractor: str
    real: int
    generated: int
    floor_count: int
    figures: tuple[GenerationFigure, ...]

    def to_dict(self) -> dict[str, str | float | None]:
        """Flat and ready for JSON: "fid", "fid_paired", "fid_floor", "kid", "kid_std", ..., "extractor" and the three counts."""
        flat: dict[str, str | float | None] = {}
        for figure in self.figures:
            flat[figure.name] = figure.value
            for kind in ("paired", "floor", "std"):
                if getattr(figure, kind) is not None:
                    flat[f"{figure.name}_{kind}"] = getattr(figure, kind)
        counts = {"real": self.real, "generated": self.generated, "floor_count": self.floor_count}
        return flat | {"extractor": self.extractor} | counts

    def title(self, name: str) -> str:
        """A figure's name as it may be printed: "FID", or "Fréchet distance (EXTRACTOR)" where the extractor is another."""
        if name in _OWN_NAMES:
            return _OWN_NAMES[name]
        words = name.replace("frechet", "Fréchet").replace("_", " ")
        return f"{words[0].upper()}{words[1:]} ({self.extractor})"

    def __str__(self) -> str:
        rows = [(self.title(each.name), each.value, each.std, each.paired, each.floor) for each in self.figures]
        header = ("", "value", "std", f"of {self.floor_count} each", "floor")
        return f"{self.generated} generated, {self.real} real pictures\n{text_table(header, rows)}"


def check_counts(real: int, generated: int, neighbours: int = 3) -> int:
    """How many pictures either side of a floor has. Raises ValueError for fewer than generation_report needs."""
    count = min(real // 2, generated)
    if count <= neighbours:
        raise ValueError(
            f"there must be at least {2 * neighbours + 2} real and {neighbours + 1} generated pictures for a floor, "
            f"received {real} and {generated}"
        )
    return count


def generation_report(
    real_features: np.ndarray,
    generated_features: np.ndarray,
    *,
    extractor: str,
    groups: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    logits: tuple[np.ndarray, np.ndarray] | None = None,
    neighbours: int = 3,
    splits: int = 10,
    seed: int = SEED,
) -> GenerationReport:
    """Fréchet and kernel distance, precision and recall; diversity where groups are given, Inception score where logits are.

    real_features (N, D), generated_features (M, D) of the FeatureExtractor named extractor. The floor is what one half of the real
    pictures has from the other, halves drawn by seed and of at most M pictures: no generator is nearer but by chance or by copying.
    groups: the captions of the real (N,) and of the generated (M,) pictures, as in diversity. logits: (N, C) and (M, C), of the same
    pictures by one classifier. The kernel distance is over 100 subsets (10 for paired and floor) of 1,000, or of half of the smaller
    set where that is less.
    Raises ValueError as these do, and for fewer real or generated pictures than two halves with more than `neighbours` need.
    """
    real, generated = check_features(real_features, generated_features)
    count = check_counts(len(real), len(generated), neighbours)
    rng = np.random.default_rng(seed)
    order, drawn = rng.permutation(len(real)), rng.permutation(len(generated))[:count]
    half, other = real[order[:count]], real[order[count : 2 * count]]
    distances = ("fid", "kid") if extractor == INCEPTION_2015 else ("frechet_distance", "kernel_distance")

    def compare(first: np.ndarray, second: np.ndarray, subsets: int) -> dict[str, tuple[float, float | None]]:
        size = max(2, min(_SUBSET, len(first) // 2, len(second) // 2))
        kernel = kernel_distance(first, second, subsets=subsets, subset_size=size, seed=seed)
        near = precision_recall(first, second, neighbours=neighbours)
        return {
            distances[0]: (frechet_distance(first, second), None),
            distances[1]: kernel,
            "precision": (near.precision, None),
            "recall": (near.recall, None),
        }

    paired, floor = compare(half, generated[drawn], 10), compare(half, other, 10)
    figures = [
        GenerationFigure(name, value, paired[name][0], floor[name][0], std)
        for name, (value, std) in compare(real, generated, 100).items()
    ]
    if groups is not None:
        of_real, of_generated = diversity(real, groups[0]), diversity(generated, groups[1])
        figures.append(GenerationFigure("diversity", of_generated, None, of_real))
    if logits is not None:
        real_score, score = (inception_score(each, splits=splits, seed=seed) for each in logits)
        figures.append(GenerationFigure("inception_score", score.mean, None, real_score.mean, score.std))
    return GenerationReport(extractor, len(real), len(generated), count, tuple(figures))
