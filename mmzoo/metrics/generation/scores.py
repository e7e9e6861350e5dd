"""What can be said of generated pictures one set or one caption at a time: neighbours, classes, captions, variety."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from mmzoo.metrics.consistency import unit_rows
from mmzoo.metrics.figures import Figure
from mmzoo.metrics.generation.distances import SEED, Spread, check_features

_BLOCK = 2**22  # distances looked at together


class PrecisionRecall(NamedTuple):
    """precision: share of generated pictures among the real ones' neighbours; recall: of real ones among the generated ones'."""

    precision: float
    recall: float


def precision_recall(real: np.ndarray, generated: np.ndarray, *, neighbours: int = 3) -> PrecisionRecall:
    """Whether generated pictures look real, and whether all that is real is generated (arXiv:1904.06991, section 2).

    real (N, D), generated (M, D) -> shares in [0, 1]: of points of one set that are no farther from some point of the other than that
    point's neighbours-th nearest of its own set. Both depend on the numbers of pictures.
    Raises ValueError as frechet_distance, and where a set has no more points than neighbours, or neighbours is below 1.
    """
    real, generated = check_features(real, generated)
    if not 1 <= operator.index(neighbours) < min(len(real), len(generated)):
        raise ValueError(
            f"neighbours must be from 1 to less than {min(len(real), len(generated))}, the smaller set, received {neighbours}"
        )
    return PrecisionRecall(_covered(generated, real, neighbours), _covered(real, generated, neighbours))


def inception_score(predictions: np.ndarray, *, from_logits: bool = True, splits: int = 10, seed: int = SEED) -> Spread:
    """exp of the mean divergence of p(class | picture) from p(class), over splits (arXiv:1606.03498, section 4).

    predictions (N, C): logits, or probabilities with from_logits=False -> from 1 (all pictures alike, or nothing recognised) to C
    (each surely of one class, all classes alike often). It is "the" Inception score with the 2015 weights' 1,008 classes and 50,000
    pictures. The pictures are shuffled as torch-fidelity does.
    Raises ValueError for another shape, splits not from 1 to N, values that are not finite, or probabilities that are none.
    """
    values = np.asarray(predictions, np.float64)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"predictions must be finite and of shape (N, C), received {values.shape}")
    if not 1 <= operator.index(splits) <= len(values):
        raise ValueError(f"splits must be from 1 to the {len(values)} pictures, received {splits}")
    if from_logits:
        shifted = values - values.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    else:
        if values.min() < 0 or np.abs(values.sum(axis=1) - 1).max() > 1e-3:
            raise ValueError("predictions must be probabilities whose rows add up to 1, or from_logits must be True")
        logs = np.log(values, out=np.full_like(values, -np.inf), where=values > 0)
    logs = np.maximum(logs, np.log(np.finfo(np.float64).tiny))  # what has no probability counts nothing: 0 log 0 is 0
    logs = logs[np.random.RandomState(seed).permutation(len(logs))]
    scores = []
    for split in range(splits):
        part = logs[split * len(logs) // splits : (split + 1) * len(logs) // splits]
        share = np.exp(part)
        scores.append(np.exp((share * (part - np.log(share.mean(axis=0)))).sum(axis=1).mean()))
    return Spread(float(np.mean(scores)), float(np.std(scores)))


def r_precision(
    image_embeds: np.ndarray,
    text_embeds: np.ndarray,
    groups: Sequence[Hashable],
    *,
    mismatched: int = 99,
    seed: int = 0,
) -> Figure:
    """Share of pictures nearer, by cosine, to their own caption than to 99 mismatched ones (AttnGAN, arXiv:1711.10485, section 4).

    image_embeds (N, E), text_embeds (N, E): row i of either is of a picture and the caption it was drawn for, by a model that took no
    part in the generator's training. groups (N,): captions of equal group describe the same picture, such as paraphrases; a
    mismatched caption is of another group, and no two are of the same. A tie counts against the picture. The chance of the Figure is
    1 / (mismatched + 1).
    Raises ValueError where shapes do not fit, a row has no direction, or there are not more groups than mismatched captions.
    """
    images, texts = unit_rows("image_embeds", image_embeds), unit_rows("text_embeds", text_embeds)
    rows = group_rows(groups, len(images))
    if images.shape != texts.shape:
        raise ValueError(f"embeds must be (N, E), one caption a picture, received {images.shape} and {texts.shape}")
    if not 1 <= operator.index(mismatched) < len(rows):
        raise ValueError(f"mismatched must be from 1 to less than the {len(rows)} groups, received {mismatched}")
    rng = np.random.default_rng(seed)
    found = 0
    for own, members in enumerate(rows):
        for row in members:
            others = rng.choice(len(rows) - 1, mismatched, replace=False)
            others += others >= own
            chosen = [rows[other][rng.integers(len(rows[other]))] for other in others]
            found += bool(images[row] @ texts[row] > (texts[chosen] @ images[row]).max())
    return Figure("r_precision", found / len(images), 1 / (mismatched + 1))


def diversity(features: np.ndarray, groups: Sequence[Hashable]) -> float:
    """Mean distance between two pictures of one caption, averaged over captions: 0 where noise changes nothing.

    features (N, D); groups (N,): pictures of equal group are of the same caption; a group of one picture says nothing. Divide by the
    same of real pictures, by the same features: 1 is as various as they are.
    Raises ValueError where shapes do not fit, or no group has two pictures.
    """
    values = np.asarray(features, np.float64)
    if values.ndim != 2:
        raise ValueError(f"features must be (N, D), received {values.shape}")
    rows = [members for members in group_rows(groups, len(values)) if len(members) > 1]
    if not rows:
        raise ValueError("groups must have two pictures of one caption somewhere, received none")
    return float(np.mean([_mean_distance(values[members]) for members in rows]))


def group_rows(groups: Sequence[Hashable], count: int) -> list[np.ndarray]:
    """The rows of each group, in the order in which groups come first. Raises ValueError unless there are count."""
    if len(groups) != count:
        raise ValueError(f"groups must be {count}, one for each picture, received {len(groups)}")
    rows: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    return [np.array(members) for members in rows.values()]


def _mean_distance(points: np.ndarray) -> float:
    total = sum(np.linalg.norm(points[row + 1 :] - points[row], axis=1).sum() for row in range(len(points)))
    return float(total / (len(points) * (len(points) - 1) / 2))


def _covered(points: np.ndarray, centres: np.ndarray, neighbours: int) -> float:
    """Share of points within the ball of some centre that reaches to its neighbours-th nearest other centre."""
    step = max(1, _BLOCK // len(centres))
    parts = [slice(start, start + step) for start in range(0, max(len(points), len(centres)), step)]
    # The nearest centre of a centre is itself, at 0.
    radii = np.concatenate(
        [np.partition(_squares(centres[part], centres), neighbours, axis=1)[:, neighbours] for part in parts]
    )
    return float(np.concatenate([(_squares(points[part], centres) <= radii).any(axis=1) for part in parts]).mean())


def _squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared distances of all pairs."""
    return np.maximum(np.square(x).sum(1)[:, None] + np.square(y).sum(1) - 2 * x @ y.T, 0)
