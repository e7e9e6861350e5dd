"""Retrieval between images and texts, both ways, with several captions for an image (as on COCO, arXiv:1412.2306)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmzoo.metrics.figures import Figure, check_ks, figure_table

_BLOCK = 2**22  # similarities looked at together: some tens of MB, however many images and texts there are


@dataclass(frozen=True)
class RetrievalReport:
    """Recall and precision at each k from image to text (i2t) and from text to image (t2i), with chance beside each."""

    images: int
    texts: int
    figures: tuple[Figure, ...]

    def to_dict(self) -> dict[str, float]:
        """Flat and ready for JSON: "recall@1_i2t", "recall@1_i2t_chance", ..., "images", "texts"."""
        values = {figure.name: figure.value for figure in self.figures}
        chances = {f"{figure.name}_chance": figure.chance for figure in self.figures}
        return values | chances | {"images": self.images, "texts": self.texts}

    def __str__(self) -> str:
        return f"{self.images} images, {self.texts} texts\n{figure_table(self.figures)}"


def recall_at_k(
    similarity: np.ndarray, positives: np.ndarray | None = None, ks: Sequence[int] = (1, 5, 10), *, query: str = "image"
) -> dict[int, float]:
    """Share of queries with at least one of their positives among the k most similar (the field's Recall@K).

    similarity (images, texts), any real dtype. positives: bool (images, texts), or for each text the index of its image
    (texts,), by default the diagonal. query: "image" looks for texts, "text" for images. -> {k: share in [0, 1]}.
    A tie counts against the positive, and so does a nan: a constant similarity finds nothing. Queries without a
    positive are left out.

    Raises: ValueError if shapes or indices do not fit, query is neither, a k is below 1, or no query has a positive.
    """
    found, _ = _from_matrix(similarity, positives, check_ks(ks), query)
    return {k: float(np.mean(found[:, i] > 0)) for i, k in enumerate(ks)}


def precision_at_k(
    similarity: np.ndarray, positives: np.ndarray | None = None, ks: Sequence[int] = (1, 5, 10), *, query: str = "image"
) -> dict[int, float]:
    """Share of positives among the k most similar, averaged over the queries; arguments as for recall_at_k.

    With p positives it cannot exceed p / k.
    """
    found, _ = _from_matrix(similarity, positives, check_ks(ks), query)
    return {k: float(np.mean(found[:, i]) / k) for i, k in enumerate(ks)}


def chance_recall_at_k(positives: np.ndarray | Sequence[int] | int, gallery: int, k: int) -> float:
    """Recall@K of a random order: 1 - C(N - p, k) / C(N, k), averaged over queries with p positives among N = gallery.

    Raises: ValueError if a p is not in [1, gallery].
    """
    k = min(*check_ks([k]), gallery)
    total = math.comb(gallery, k)
    # The quotient of the whole numbers, rounded once, is exact where a difference of logarithms would not be.
    return _average(positives, gallery, lambda p: (total - math.comb(gallery - p, k)) / total)


def chance_precision_at_k(positives: np.ndarray | Sequence[int] | int, gallery: int, k: int) -> float:
    """Precision@K of a random order: p / N (times N / k where k exceeds N), averaged; see chance_recall_at_k."""
    (k,) = check_ks([k])
    return _average(positives, gallery, lambda p: p / max(k, gallery))


def retrieval_report(
    similarity: np.ndarray, positives: np.ndarray | None = None, ks: Sequence[int] = (1, 5, 10)
) -> RetrievalReport:
    """Recall@K and Precision@K both ways; arguments and errors are those of recall_at_k."""
    similarity = _matrix(similarity)
    return _report(lambda images, texts: similarity[images, texts], similarity.shape, positives, ks)


def retrieval_report_from_embeds(
    image_embeds: np.ndarray,
    text_embeds: np.ndarray,
    positives: np.ndarray | None = None,
    ks: Sequence[int] = (1, 5, 10),
) -> RetrievalReport:
    """retrieval_report of image_embeds (images, E) @ text_embeds (texts, E).T, which is never held as a whole."""
    images, texts = np.asarray(image_embeds, np.float32), np.asarray(text_embeds, np.float32)
    if images.ndim != 2 or texts.ndim != 2 or images.shape[1] != texts.shape[1]:
        raise ValueError(f"embeds must be (images, E) and (texts, E), received {images.shape} and {texts.shape}")
    return _report(lambda rows, columns: images[rows] @ texts[columns].T, (len(images), len(texts)), positives, ks)


Block = Callable[[slice, slice], np.ndarray]  # the similarities of a slice of images with a slice of texts
_DIRECTIONS = {"image": "i2t", "text": "t2i"}


def _report(block: Block, size: tuple[int, ...], positives: np.ndarray | None, ks: Sequence[int]) -> RetrievalReport:
    ks = check_ks(ks)
    recall, precision = [], []
    for query, direction in _DIRECTIONS.items():
        found, relevant = _found(block, size, positives, ks, query)
        gallery = size[1] if query == "image" else size[0]
        for i, k in enumerate(ks):
            share = float(np.mean(found[:, i] > 0))
            recall.append(Figure(f"recall@{k}_{direction}", share, chance_recall_at_k(relevant, gallery, k)))
            share = float(np.mean(found[:, i]) / k)
            precision.append(Figure(f"precision@{k}_{direction}", share, chance_precision_at_k(relevant, gallery, k)))
    return RetrievalReport(size[0], size[1], (*recall, *precision))


def _matrix(similarity: np.ndarray) -> np.ndarray:
    similarity = np.asarray(similarity)
    if similarity.ndim != 2:
        raise ValueError(f"similarity must have shape (images, texts), received {similarity.shape}")
    return similarity


def _from_matrix(
    similarity: np.ndarray, positives: np.ndarray | None, ks: Sequence[int], query: str
) -> tuple[np.ndarray, np.ndarray]:
    if query not in _DIRECTIONS:
        raise ValueError(f"query must be 'image' or 'text', received {query!r}")
    similarity = _matrix(similarity)
    return _found(lambda images, texts: similarity[images, texts], similarity.shape, positives, ks, query)


def _found(
    block: Block, size: tuple[int, ...], positives: np.ndarray | None, ks: Sequence[int], query: str
) -> tuple[np.ndarray, np.ndarray]:
    """For each query that has positives: how many are among its k best, for each k, and how many there are."""
    positives = check_positives(positives, size)
    queries, gallery = size if query == "image" else size[::-1]
    step = max(1, _BLOCK // max(gallery, 1))
    found, relevant = np.zeros((queries, len(ks)), np.int64), np.zeros(queries, np.int64)
    for start in range(0, queries, step):
        part = slice(start, min(start + step, queries))
        scores = block(part, slice(None)) if query == "image" else block(slice(None), part).T
        rows, columns = _pairs(positives, part, query)
        relevant[part] = np.bincount(rows, minlength=len(scores))
        found[part] = _positives_in_top(scores, rows, columns, ks)
    asked = relevant > 0
    if not asked.any():
        raise ValueError(f"positives must hold at least one pair, received none for {queries} {query} queries")
    return found[asked], relevant[asked]


def _positives_in_top(scores: np.ndarray, rows: np.ndarray, columns: np.ndarray, ks: Sequence[int]) -> np.ndarray:
    """How many positives, at (rows, columns), are surely among the k best of a row if the others win every tie.

    scores (B, gallery) -> (B, len(ks)) int64.
    """
    scores = np.ascontiguousarray(scores, None if scores.dtype in (np.float32, np.float64) else np.float64)
    if np.isnan(np.max(scores, initial=0)):
        own = scores[rows, columns]
        scores = np.where(np.isnan(scores), np.inf, scores)
        scores[rows, columns] = np.where(np.isnan(own), -np.inf, own)
    own = scores[rows, columns]
    count, gallery = scores.shape
    most = min(max(ks), gallery)
    best = np.sort(np.partition(scores, gallery - most, axis=1)[:, gallery - most :], axis=1)[:, ::-1]
    found = np.empty((count, len(ks)), np.int64)
    for i, k in enumerate(ks):
        last = best[:, min(k, gallery) - 1]
        tied = np.count_nonzero(scores == last[:, None], axis=1)
        own_tied = np.bincount(rows[own == last[rows]], minlength=count)
        own_above = np.bincount(rows[own > last[rows]], minlength=count)
        places = k - np.count_nonzero(best[:, :k] > last[:, None], axis=1) - (tied - own_tied)
        found[:, i] = own_above + np.clip(places, 0, own_tied)
    return found


def check_positives(positives: np.ndarray | None, size: tuple[int, ...]) -> np.ndarray:
    """The positives as bool (images, texts), or int (texts,); None is the diagonal.

    Raises: ValueError if they do not fit size, (images, texts).
    """
    images, texts = size
    if positives is None:
        if images != texts:
            raise ValueError(f"positives must be given unless each image has one text, received {images} and {texts}")
        return np.arange(texts)
    positives = np.asarray(positives)
    if positives.dtype == bool and positives.shape == (images, texts):
        return positives
    if not np.issubdtype(positives.dtype, np.integer) or positives.shape != (texts,):
        raise ValueError(
            f"positives must be bool ({images}, {texts}) or, for each text, an image index ({texts},), "
            f"received {positives.dtype} {positives.shape}"
        )
    if texts and not (positives.min() >= 0 and positives.max() < images):
        raise ValueError(
            f"positives must be image indices from 0 to {images - 1}, received {positives.min()} to {positives.max()}"
        )
    return positives


def _pairs(positives: np.ndarray, part: slice, query: str) -> tuple[np.ndarray, np.ndarray]:
    """(row, column) of each positive among a slice of the queries, the row counted from the slice's start."""
    if positives.ndim == 2:
        rows, columns = np.nonzero(positives[part] if query == "image" else positives[:, part].T)
    elif query == "text":
        columns = positives[part]
        rows = np.arange(len(columns))
    else:
        (columns,) = np.nonzero((positives >= part.start) & (positives < part.stop))
        rows = positives[columns] - part.start
    return rows, columns


def _average(positives: np.ndarray | Sequence[int] | int, gallery: int, chance: Callable[[int], float]) -> float:
    values, counts = np.unique(np.atleast_1d(np.asarray(positives)), return_counts=True)
    if not len(values) or values[0] < 1 or values[-1] > gallery:
        raise ValueError(f"positives must be from 1 to the gallery of {gallery}, received {values.tolist()}")
    return float(np.average([chance(int(value)) for value in values], weights=counts))
