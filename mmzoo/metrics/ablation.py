"""Whether a model of pictures and texts needs both: its accuracy with either of them shuffled among the examples."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mmzoo.metrics.answers import check_answers, threshold_of
from mmzoo.metrics.figures import Figure
from mmzoo.metrics.task_report import text_table

if TYPE_CHECKING:
    import keras

# An input of the modality, and whether it is present at all: an absent picture must stay absent where it goes.
_MODALITIES = {"images": ("images", "image_present"), "texts": ("token_ids", "text_present")}


class Examples(Protocol):
    """What mmzoo.data.Examples has."""

    @property
    def label_names(self) -> tuple[str, ...]: ...

    def arrays(self, model: Any) -> tuple[dict[str, np.ndarray], np.ndarray]: ...


@dataclass(frozen=True)
class AblationReport:
    """One figure of a model as it is, with either modality shuffled, and of a constant answer.

    metric: "accuracy", "top1" of soft labels, or "mean_absolute_error" of a regression, of which less is better.
    images_shuffled, texts_shuffled: a value for each of the shuffles.
    """

    examples: int
    metric: str
    value: float
    images_shuffled: tuple[float, ...]
    texts_shuffled: tuple[float, ...]
    chance: float

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: "examples", the metric's own name and its "..._chance", "images_shuffled" and "texts_shuffled" with
        their means, and the values of each shuffle."""
        shuffled = {"images_shuffled": self.images_shuffled, "texts_shuffled": self.texts_shuffled}
        return {
            "examples": self.examples,
            self.metric: self.value,
            f"{self.metric}_chance": self.chance,
            **{name: float(np.mean(values)) for name, values in shuffled.items()},
            **{f"{name}_each": list(values) for name, values in shuffled.items()},
        }

    def rows(self) -> list[tuple[str, float, float, float]]:
        """(what was done, mean, lowest and highest of the shuffles), for a table or a plot."""
        each = {
            "as it is": (self.value,),
            "images shuffled": self.images_shuffled,
            "texts shuffled": self.texts_shuffled,
            "chance": (self.chance,),
        }
        return [(name, float(np.mean(values)), min(values), max(values)) for name, values in each.items()]

    def __str__(self) -> str:
        table = text_table(("", self.metric, "lowest", "highest"), self.rows())
        return f"{self.examples} examples, {len(self.images_shuffled)} shuffles\n{table}"


def modality_ablation(
    model: keras.Model,
    data: Examples | tuple[Mapping[str, np.ndarray], np.ndarray],
    *,
    batch_size: int = 64,
    seed: int = 0,
    repeats: int = 3,
) -> AblationReport:
    """Accuracy as it is, with the pictures shuffled among the examples, with the texts shuffled, and by chance.

    A model that needs both falls to what the other modality alone allows; one that ignores a modality loses nothing when that is
    shuffled (permutation importance, arXiv:1801.01489, of a whole modality).
    model: takes {"images", "token_ids", ...} and gives one tensor, (B, C); where C is 1 for two classes, they are told apart at 0
    for the head "hinge", else as classification_report does by default, of the answers to the examples as they are.
    data: Examples, or (that dictionary of arrays of N rows, targets as for classification_report). In each of the repeats,
    drawn by seed, every example gets another one's picture (or text), together with the input image_present (text_present)
    where there is one; all other inputs and the targets stay. Chance is that of the report. The model stays as it is.
    Raises TypeError for data that is neither, or a model with several outputs; ValueError for fewer than two examples, or
    inputs without images or token_ids.
    """
    names: Sequence[str] = getattr(data, "label_names", ())
    x, targets = _inputs_and_targets(model, data)
    count = len(targets)
    if operator.index(repeats) < 1 or operator.index(batch_size) < 1:
        raise ValueError(f"repeats and batch_size must be at least 1, received {repeats} and {batch_size}")

    def predict(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        predictions = model.predict(dict(inputs), batch_size=batch_size, verbose=0)
        if not hasattr(predictions, "shape"):
            raise TypeError(f"model must give one tensor (B, C), received a {type(predictions).__name__} of several")
        return predictions

    def figure(predictions: np.ndarray) -> Figure:
        return check_answers(targets, predictions, names, threshold).main_figure()

    rng = np.random.default_rng(seed)
    predictions = predict(x)
    threshold = threshold_of(model, predictions)  # once: shuffled answers would be counted by another
    whole = figure(predictions)
    values: dict[str, list[float]] = {modality: [] for modality in _MODALITIES}
    for _ in range(repeats):
        order = _one_cycle(count, rng)
        for modality, inputs in _MODALITIES.items():
            shuffled = {name: np.asarray(x[name])[order] for name in inputs if name in x}
            values[modality].append(figure(predict({**x, **shuffled})).value)
    return AblationReport(count, whole.name, whole.value, tuple(values["images"]), tuple(values["texts"]), whole.chance)


def _inputs_and_targets(model: keras.Model, data: Any) -> tuple[Mapping[str, np.ndarray], np.ndarray]:
    given = data.arrays(model) if hasattr(data, "arrays") else data
    if not isinstance(given, (tuple, list)) or len(given) != 2 or not isinstance(given[0], Mapping):
        raise TypeError(
            'data must be Examples, or ({"images": ..., "token_ids": ...}, targets), received a ' + type(data).__name__
        )
    x, targets = given[0], np.asarray(given[1])
    if missing := {"images", "token_ids"} - set(x):
        raise ValueError(f"data must have the inputs images and token_ids, received none named {min(missing)}")
    lengths = {name: len(values) for name, values in x.items()} | {"targets": len(targets)}
    if len(set(lengths.values())) > 1 or len(targets) < 2:
        raise ValueError(f"data must be two examples or more, as many in each array, received {lengths}")
    return x, targets


def _one_cycle(count: int, rng: np.random.Generator) -> np.ndarray:
    """A random permutation without a fixed point, uniform among those of one cycle: nobody keeps its own."""
    order = rng.permutation(count)
    successor = np.empty(count, np.int64)
    successor[order] = np.roll(order, -1)
    return successor
