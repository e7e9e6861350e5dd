"""An evaluation set as plain data: what goes into a model's parts, and the figures their answers are worth.

It knows tensors by name and no model, so that the same set measures a Keras model and every file exported from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmzoo.metrics.figures import check_ks
from mmzoo.metrics.retrieval import check_positives, retrieval_report_from_embeds
from mmzoo.metrics.zero_shot import check_labels, mean_prompts, zero_shot_accuracy

_ROWS = 1024  # similarities are looked at in blocks of so many rows


@dataclass(frozen=True)
class Evaluation:
    """Real inputs, and what the answers to them are worth.

    inputs: {input name: array (N, ...)}; inputs of different parts may have different lengths. outputs: the names of
    the outputs that score reads. score: {output name: array (N, ...)} -> {figure name: share in [0, 1], higher is
    better}. count: how many answers the smallest figure is the share of, so that one answer weighs 1 / count.

    Raises ValueError without inputs, rows, outputs or answers.
    """

    inputs: Mapping[str, np.ndarray]
    outputs: tuple[str, ...]
    score: Callable[[Mapping[str, np.ndarray]], Mapping[str, float]]
    count: int

    def __post_init__(self) -> None:
        if not self.inputs or not all(len(array) for array in self.inputs.values()):
            lengths = {name: len(array) for name, array in self.inputs.items()}
            raise ValueError(f"inputs must hold at least one row each, received {lengths}")
        if not self.outputs or self.count < 1:
            raise ValueError(f"outputs and count must be at least one, received {self.outputs} and {self.count}")


def retrieval_evaluation(
    images: np.ndarray,
    token_ids: np.ndarray,
    positives: np.ndarray | None = None,
    ks: Sequence[int] = (1,),
    *,
    image_input: str = "images",
    text_input: str = "token_ids",
    image_output: str = "image_embeds",
    text_output: str = "text_embeds",
) -> Evaluation:
    """Recall@K between pictures and texts, both ways: "recall@1_i2t", "recall@1_t2i", ...

    images (N, H, W, 3) and token_ids (M, T) as the artifacts take them; positives and ks as for recall_at_k.
    Raises ValueError where positives or ks do not fit.
    """
    images, token_ids = np.asarray(images), np.asarray(token_ids)
    pairs, ks = check_positives(positives, (len(images), len(token_ids))), check_ks(ks)

    def score(outputs: Mapping[str, np.ndarray]) -> dict[str, float]:
        report = retrieval_report_from_embeds(outputs[image_output], outputs[text_output], pairs, ks)
        return {figure.name: figure.value for figure in report.figures if figure.name.startswith("recall@")}

    inputs = {image_input: images, text_input: token_ids}
    return Evaluation(inputs, (image_output, text_output), score, min(len(images), len(token_ids)))


def zero_shot_evaluation(
    images: np.ndarray,
    labels: Sequence[int] | np.ndarray,
    token_ids: np.ndarray,
    templates: int = 1,
    *,
    image_input: str = "images",
    text_input: str = "token_ids",
    image_output: str = "image_embeds",
    text_output: str = "text_embeds",
) -> Evaluation:
    """Zero-shot accuracy, "zero_shot_top1": the class whose prompts are nearest, embedded as label_embeddings does.

    images (N, H, W, 3); labels (N,) int in [0, C); token_ids (C * templates, T), the prompts of class_prompts, label by
    label.
    Raises ValueError where there are not as many prompts for each class, or labels do not fit.
    """
    images, token_ids = np.asarray(images), np.asarray(token_ids)
    if templates < 1 or not len(token_ids) or len(token_ids) % templates:
        raise ValueError(
            f"token_ids must hold {templates} prompts for each class, at least 1, received {len(token_ids)} prompts"
        )
    truth = check_labels(labels, len(images), len(token_ids) // templates)

    def score(outputs: Mapping[str, np.ndarray]) -> dict[str, float]:
        classes = mean_prompts(outputs[text_output], templates)
        return {"zero_shot_top1": zero_shot_accuracy(outputs[image_output], classes, truth).figures[0].value}

    inputs = {image_input: images, text_input: token_ids}
    return Evaluation(inputs, (image_output, text_output), score, len(images))


def classification_evaluation(
    images: np.ndarray,
    labels: Sequence[int] | np.ndarray,
    *,
    image_input: str = "images",
    output: str = "probabilities",
) -> Evaluation:
    """Accuracy of an output (N, C) of probabilities or logits, "top1"; a tie counts against the picture's class.

    images (N, H, W, 3); labels (N,) int in [0, C).
    Raises ValueError where there is not one label for each picture; score does where the output has no such class.
    """
    images = np.asarray(images)
    truth = check_labels(labels, len(images), np.iinfo(np.int64).max)

    def score(outputs: Mapping[str, np.ndarray]) -> dict[str, float]:
        scores = np.asarray(outputs[output])
        if scores.ndim != 2 or len(scores) != len(truth):
            raise ValueError(f"{output} must have shape ({len(truth)}, classes), received {scores.shape}")
        check_labels(truth, len(images), scores.shape[1])
        own = np.take_along_axis(scores, truth[:, None], axis=1)
        ranks = np.sum(~(scores < own), axis=1)  # not "below", rather than "at least": a nan is never below
        return {"top1": float(np.mean(ranks <= 1))}

    return Evaluation({image_input: images}, (output,), score, len(images))


def nearest_other_margin(expected: np.ndarray, actual: np.ndarray) -> float:
    """How surely a vector is still taken for its own picture: the smallest cos(e_i, a_i) - max over j != i of cos(e_j, a_i).

    expected (N, E), embeddings of N different pictures at full precision; actual (N, E), the same pictures' quantized
    ones. Above 0, every quantized vector is nearest to its own picture; equal pictures give 0 at most, NaN gives NaN.
    Raises ValueError for other shapes or fewer than two pictures: there is no other one.
    """
    expected, actual = np.asarray(expected, np.float64), np.asarray(actual, np.float64)
    if expected.ndim != 2 or expected.shape != actual.shape or len(expected) < 2:
        raise ValueError(f"embeds must both be (N, E), N at least 2, received {expected.shape} and {actual.shape}")
    expected, actual = (
        vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float64).tiny)
        for vectors in (expected, actual)
    )
    smallest = []
    for start in range(0, len(actual), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(actual)))
        cosines = actual[rows] @ expected.T
        places = np.arange(len(rows)), rows
        own = cosines[places]
        cosines[places] = -np.inf
        smallest.append(np.min(own - cosines.max(axis=1)))
    return float(np.min(smallest))
