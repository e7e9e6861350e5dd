"""Examples by name, and how well a classifier or a matcher does on them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo import data
from mmzoo.cli.output import Output
from mmzoo.data import BadPictures, Examples
from mmzoo.metrics import AblationReport, TaskReport, classification_report, modality_ablation
from mmzoo.metrics.answers import threshold_of
from mmzoo.models import Matcher
from mmzoo.plots import plot_ablation, plot_calibration, plot_confusion, plot_precision_recall

TASKS = ("sentiment", "digit-questions", "shape-questions", "matching")
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")
MOST_DRAWN = 2000  # examples of a task that ships: they are drawn anew each time
# A score without a label of its own says yes. The alphabet, a table's own order, has these in the order no, yes: what a model was
# trained on is what it is asked. It has "match" before "wrong", so these are for a matcher, which knows its 1 for a match.
_NO, _YES = ("no", "false", "0", "negative"), ("yes", "true", "1", "positive")
_NO_MATCH, _MATCH = ("mismatch", "wrong"), ("match", "right")
_TARGETS = {"sigmoid": "labels", "regression": "numbers"}  # what a table's labels are for a head; else classes


def is_task(name: str) -> bool:
    """Whether it names examples with answers: a task that ships, or a table."""
    return name.partition(":")[0] in TASKS or Path(name).suffix.lower() in TABLES


def check_task(name: str) -> None:
    """Raises FileNotFoundError or ValueError for what open_examples cannot open."""
    if not is_task(name):
        raise ValueError(
            f"--data must be {', '.join(TASKS)} or a table ({', '.join(TABLES)}) for a classifier, received {name!r}"
        )
    if Path(name).suffix.lower() in TABLES and not Path(name).is_file():
        raise FileNotFoundError(f"--data must be a table that exists, received {name!r}, which does not")
    if ":" in name and name.partition(":")[0] in TASKS and not name.startswith("shape-questions:"):
        raise ValueError(f"--data must name kinds for shape-questions alone, received {name!r}")


def open_examples(name: str, model: Any, limit: int, seed: int) -> Examples:
    """The test split of a task that ships, or a table, whose labels are read as the model's; at most limit of them, drawn by seed.

    "shape-questions:left of,above" asks questions of these kinds alone.
    """
    check_task(name)
    if Path(name).suffix.lower() not in TABLES:
        task, _, kinds = name.partition(":")
        options: dict[str, Any] = {"kinds": tuple(kind.strip() for kind in kinds.split(","))} if kinds else {}
        return getattr(data, task.replace("-", "_"))("test", min(limit, MOST_DRAWN), **options)
    columns, (head, labels) = model.output_shape[-1], _head_and_labels(model)
    targets = "classes" if columns == 1 and head == "sigmoid" else _TARGETS.get(head, "classes")
    labels = None if targets == "numbers" or len(labels or ()) == 1 else labels
    examples = data.table(name, targets=targets, label_names=labels)
    if len(examples) <= limit:
        return examples
    return examples.subset(np.sort(np.random.default_rng(seed).permutation(len(examples))[:limit]))


@dataclass(frozen=True, eq=False)
class ReadExamples:
    """What is measured on, read once: a model's inputs of every readable example, targets as the model counts its labels."""

    inputs: dict[str, np.ndarray]
    targets: np.ndarray
    label_names: tuple[str, ...]
    kinds: tuple[str, ...] | None

    def arrays(self, model: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """What modality_ablation reads."""
        return self.inputs, self.targets


def read_examples(name: str, examples: Examples, model: Any, output: Output) -> ReadExamples:
    """Raises ValueError where the labels, or the numbers, are not what the model answers with."""
    examples = _as_the_model_counts(name, examples, model)
    bad = BadPictures()
    inputs, targets = examples.arrays(model, bad_pictures=bad)
    if bad.count:
        output.say(f"{name}: {bad}, left out")
    kept = np.setdiff1d(np.arange(len(examples)), bad.indices)
    kinds = None if examples.kinds is None else tuple(examples.kinds[index] for index in kept)
    return ReadExamples(inputs, targets, examples.label_names, kinds)


def evaluate_task(model: Any, examples: ReadExamples, seed: int) -> tuple[TaskReport, AblationReport]:
    """The report of a classifier, and what it loses without either modality."""
    answers = model.predict(examples.inputs, batch_size=64, verbose=0)
    report = classification_report(
        examples.targets,
        answers,
        examples.label_names,
        kinds=examples.kinds,
        threshold=threshold_of(model, answers),
    )
    return report, modality_ablation(model, examples, seed=seed)


def draw_task(report: TaskReport, ablation: AblationReport, folder: Path) -> None:
    """confusion.png, precision_recall.png and calibration.png, each where the report has such, and ablation.png."""
    folder.mkdir()
    if report.confusion is not None:
        plot_confusion(report, folder / "confusion.png")
    if any(each.curve for each in report.per_class):
        plot_precision_recall(report, folder / "precision_recall.png")
    if report.calibration is not None:
        plot_calibration(report, folder / "calibration.png")
    plot_ablation(ablation, folder / "ablation.png")


def _as_the_model_counts(name: str, examples: Examples, model: Any) -> Examples:
    """The examples with targets that are columns of the model's answers: its labels may stand in another order, or be more."""
    columns, known = model.output_shape[-1], examples.label_names
    head, labels = _head_and_labels(model)
    if (head == "regression") != (not known):
        wanted = "numbers" if head == "regression" else "labels"
        raise ValueError(f"--data must have {wanted} for a model with the head {head}, received {name}")
    if not known:
        return examples
    if columns == 1 and (labels is None or len(labels) == 1):
        return _no_and_yes(name, examples, model, labels)
    if labels is None:
        if columns != len(known):
            raise ValueError(f"--data must have {columns} labels, as the model, received {name} with {len(known)}")
        return examples
    if unknown := [label for label in known if label not in labels]:
        raise ValueError(
            f"--data must have labels that the model answers with ({_listed(labels)}), received {name} with "
            f"{_listed(unknown)}"
        )
    places = np.array([labels.index(label) for label in known])
    if examples.targets.ndim == 1:
        targets = places[examples.targets].astype(np.int32)
    else:
        targets = np.zeros((len(examples), columns), np.float32)
        targets[:, places] = examples.targets
    return dataclasses.replace(examples, targets=targets, label_names=labels)


def _no_and_yes(name: str, examples: Examples, model: Any, labels: tuple[str, ...] | None) -> Examples:
    """The examples with targets 1 where the one score is to be high: where its label applies, else where the name says yes."""
    known = examples.label_names
    no, yes = (_NO + _NO_MATCH, _YES + _MATCH) if isinstance(model, Matcher) else (_NO, _YES)
    if labels is not None and labels[0] in known:
        found = [[label for label in known if label != labels[0]], [labels[0]]]
    else:
        found = [[label for label in known if label.lower() in words] for words in (no, yes)]
    if sum(map(len, found)) < len(known) or max(map(len, found)) > 1:
        otherwise = "" if isinstance(model, Matcher) else ": labels= of build_classifier would say what the score is of"
        raise ValueError(
            f"--data must have a label that says no ({', '.join(no)}) and one that says yes ({', '.join(yes)}) for a model "
            f"with one score, received {name} with {_listed(known)}{otherwise}"
        )
    names = tuple(each[0] if each else word for each, word in zip(found, ("no", "yes"), strict=True))
    targets = np.array([label in found[1] for label in known], np.int32)[examples.targets]
    return dataclasses.replace(examples, targets=targets, label_names=names)


def _head_and_labels(model: Any) -> tuple[str, tuple[str, ...] | None]:
    """A matcher answers as the head sigmoid does: with one probability."""
    return getattr(model, "head", "sigmoid"), getattr(model, "labels", None)


def _listed(labels: tuple[str, ...] | list[str]) -> str:
    return ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")
