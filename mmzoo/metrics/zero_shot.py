"""Zero-shot classification: the class whose prompts are nearest to the image (CLIP, arXiv:2103.00020, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmzoo.metrics.figures import Figure, check_ks, figure_table


@dataclass(frozen=True)
class ZeroShotReport:
    """Top-k accuracies with chance beside each, and top-1 accuracy per class (None for a class without an image)."""

    images: int
    classes: int
    figures: tuple[Figure, ...]
    per_class: tuple[float | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """Flat and ready for JSON: "top1", "top1_chance", ..., "images", "classes", "per_class"."""
        values = {figure.name: figure.value for figure in self.figures}
        chances = {f"{figure.name}_chance": figure.chance for figure in self.figures}
        counts = {"images": self.images, "classes": self.classes}
        return values | chances | counts | {"per_class": list(self.per_class)}

    def __str__(self) -> str:
        return f"{self.images} images, {self.classes} classes\n{figure_table(self.figures)}"


def label_embeddings(
    encode_text: Callable[[list[str]], Any], labels: Sequence[str], templates: Sequence[str]
) -> np.ndarray:
    """A unit vector a class: the mean over prompts of their unit embeddings (prompt ensembling, section 3.1.4).

    encode_text: list of str -> (texts, E), called once with every prompt. labels: C class names. templates: prompts
    with {} for the name, "a photo of a {}." -> (C, E) float32, norm 1.

    Raises: TypeError if labels or templates is one str. ValueError if either is empty, a template has no {}, or
    encode_text returns another number of rows.
    """
    prompts = class_prompts(labels, templates)
    embeds = np.asarray(encode_text(prompts), np.float32)
    if embeds.ndim != 2 or len(embeds) != len(prompts):
        raise ValueError(f"encode_text must return ({len(prompts)}, E), received {embeds.shape}")
    return mean_prompts(embeds, len(templates))


def mean_prompts(embeds: np.ndarray, templates: int) -> np.ndarray:
    """A unit vector a class from the embeddings of its prompts, label by label: (C * templates, E) -> (C, E) float32."""
    embeds = np.asarray(embeds, np.float32)
    return _unit(_unit(embeds).reshape(-1, templates, embeds.shape[1]).mean(1))


def class_prompts(labels: Sequence[str], templates: Sequence[str]) -> list[str]:
    """Every template with every label in place of {}, label by label; errors are those of label_embeddings."""
    for name, values in (("labels", labels), ("templates", templates)):
        if isinstance(values, str):
            raise TypeError(f"{name} must be a list of str, received the single str {values!r}")
        if not len(values):
            raise ValueError(f"{name} must hold at least one, received none")
    without = [template for template in templates if "{}" not in template]
    if without:
        raise ValueError(f"templates must have {{}} where the label goes, received {without[0]!r}")
    return [template.replace("{}", label) for label in labels for template in templates]


def zero_shot_accuracy(
    image_embeds: np.ndarray, class_embeds: np.ndarray, labels: Sequence[int] | np.ndarray, ks: Sequence[int] = (1,)
) -> ZeroShotReport:
    """Share of images whose class is among the k whose vectors are most similar, with chance k / C.

    image_embeds (N, E); class_embeds (C, E) of norm 1, from label_embeddings; labels (N,) int in [0, C). A tie counts
    against the image's class, and so does a nan.

    Raises: ValueError if shapes or labels do not fit, there is no image, or a k is not in [1, C].
    """
    images, classes = np.asarray(image_embeds, np.float32), np.asarray(class_embeds, np.float32)
    if images.ndim != 2 or classes.ndim != 2 or images.shape[1] != classes.shape[1] or not len(images):
        raise ValueError(f"embeds must be (N, E) and (C, E), received {images.shape} and {classes.shape}")
    total = len(classes)
    truth, ks = check_labels(labels, len(images), total), check_ks(ks, total)
    scores = images @ classes.T
    own = np.take_along_axis(scores, truth[:, None], axis=1)
    ranks = np.sum(~(scores < own), axis=1)  # not "below", rather than "at least": a nan is never below
    figures = tuple(Figure(f"top{k}", float(np.mean(ranks <= k)), k / total) for k in ks)
    counts = np.bincount(truth, minlength=total)
    right = np.bincount(truth[ranks <= 1], minlength=total)
    per_class = tuple(float(r / n) if n else None for r, n in zip(right, counts, strict=True))
    return ZeroShotReport(len(images), total, figures, per_class)


def check_labels(labels: Sequence[int] | np.ndarray, images: int, classes: int) -> np.ndarray:
    """The labels as int (images,).

    Raises: ValueError if there is not one for each image, or one is not in [0, classes).
    """
    checked = np.asarray(labels)
    if checked.shape != (images,) or not np.issubdtype(checked.dtype, np.integer):
        raise ValueError(f"labels must be int ({images},), received {checked.dtype} {checked.shape}")
    if images and not (checked.min() >= 0 and checked.max() < classes):
        raise ValueError(f"labels must be from 0 to {classes - 1}, received {checked.min()} to {checked.max()}")
    return checked


def _unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(norms, np.finfo(np.float32).tiny)
