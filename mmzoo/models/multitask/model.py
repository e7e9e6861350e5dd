"""A trunk with a head for each of several tasks."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from mmzoo.encoders.contract import inputs_like
from mmzoo.losses import masked_mean
from mmzoo.models.classifier import Task
from mmzoo.models.classifier.task import write_labels
from mmzoo.models.trunk import Trunk
from mmzoo.models.trunk_model import TrunkModel
from mmzoo.presets import ImagePreprocessing
from mmzoo.signature import Part
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.label_range import LabelRange, check_label_range
from mmzoo.training.replicas import replica_share


@keras.saving.register_keras_serializable("mmzoo")
class MultiTask(TrunkModel):
    """Answers several questions about a picture with a text at once (hard parameter sharing, arXiv:1706.05098, section 3).

    Inputs:  images (B, H, W, 3) in [0, 255]; token_ids (B, T) int32; a list is read as [text, image] (token_ids, images).
    Outputs: {task: (B, num_classes) float32}, each as a Classifier's of that head.
    Targets: {task: as a Classifier's}, of all tasks or some. An example without a label has -1, or nan, in its place (regression:
    nan); a task of which a batch has no label at all adds nothing to its loss.

    `compile(optimizer)` trains with the sum of weight times loss over the tasks, a task's loss being the mean of its head's over the
    examples that have a label. The logs have TASK_loss and, but for regression, TASK_accuracy, each of the labelled examples of the
    epoch, and 0 where there were none. `compile(optimizer, loss={task: ...}, loss_weights=..., metrics={task: ...})` leaves
    both to Keras, which asks for the labels of all tasks and knows none that are missing.
    Parts: trunk, answer_heads {task: head}. tasks: {name: Task}. tokenizer and image_preprocessing as a Classifier's.
    Raises ValueError for no tasks, or a name that cannot be an output's.
    """

    def __init__(
        self,
        trunk: Trunk,
        tasks: Mapping[str, Task],
        *,
        tokenizer: Tokenizer | None = None,
        image_preprocessing: ImagePreprocessing | None = None,
        name: str = "multitask",
        **kwargs: Any,
    ) -> None:
        inputs = inputs_like(trunk)
        _check_names(tasks, (*inputs, trunk.name))
        pooled = trunk(inputs)["pooled"]
        built = {
            each: task.build(pooled, dtype=kwargs.get("dtype"), layer_name=f"{each}_head", output_name=each)
            for each, task in tasks.items()
        }
        super().__init__(
            trunk,
            inputs,
            {each: answers for each, (_, _, answers) in built.items()},
            tokenizer=tokenizer,
            image_preprocessing=image_preprocessing,
            name=name,
            **kwargs,
        )
        self.tasks = dict(tasks)
        self.answer_heads = {each: head for each, (head, _, _) in built.items()}
        self.activations = {each: activation for each, (_, activation, _) in built.items()}
        self.label_ranges = {each: LabelRange(name=f"{each}_label_range", may_miss=True) for each in tasks}
        self.task_losses = {each: keras.metrics.Mean(name=f"{each}_loss") for each in tasks}
        self.task_accuracies = {
            each: keras.metrics.Mean(name=f"{each}_accuracy") for each, task in tasks.items() if task.kind.bounded
        }

    @property
    def metrics(self) -> list[Any]:
        """Keras's, without the tasks' own losses and accuracies where compile(loss=...) took their place."""
        own = (*self.task_losses.values(), *self.task_accuracies.values())
        left_out = set() if self.has_own_loss else {id(metric) for metric in own}
        return [metric for metric in super().metrics if id(metric) not in left_out]

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The weighted sum of the tasks' losses, or that of compile(loss=...), with any loss the layers added.

        sample_weight: (B,), or {task: (B,)}. Raises ValueError for targets that are no dictionary of tasks.
        """
        self._check_tasks(y)
        self.watch_images(x)
        for name, seen in self.label_ranges.items():
            if name in y:
                seen.update_state(y[name], self.tasks[name].highest(y[name]))
        if not self.has_own_loss:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        losses = [
            task.weight * self._task_loss(name, y_pred[name], y[name], _weights(sample_weight, name))
            if name in y
            else 0.0 * ops.sum(y_pred[name])  # a gradient of zero: Keras warns of weights without any
            for name, task in self.tasks.items()
        ]
        return replica_share(self.add_layer_losses(sum(losses)))

    def _task_loss(self, name: str, answers: Any, targets: Any, weights: Any) -> Any:
        """Mean over the examples with a label, which are also what the task's metrics see."""
        task, has_label = self.tasks[name], self.tasks[name].labelled(targets)
        # What is put in place of a missing label does not matter, but it must have a loss: 0 times nan is nan.
        here = ops.reshape(has_label, (-1, *[1] * (len(targets.shape) - 1)))
        targets = ops.where(here, targets, ops.zeros_like(targets))
        losses = task.losses(answers, targets, self.activations[name].logits_of(answers))
        if weights is not None:
            losses = losses * ops.cast(ops.reshape(weights, (-1,)), losses.dtype)
        self.task_losses[name].update_state(losses, has_label)
        if name in self.task_accuracies:
            self.task_accuracies[name].update_state(task.accuracies(answers, targets), has_label)
        return masked_mean(losses, has_label)

    def check_labels(self, labels: Any) -> None:
        """Looks at {task: labels} in memory. Raises ValueError for an unknown task, or a label that is no class of its task."""
        if labels is None or not isinstance(labels, Mapping):
            return  # a dataset's, which come a batch at a time
        self._check_tasks(labels)
        for name, values in labels.items():
            task = self.tasks[name]
            if len(getattr(values, "shape", ())):
                whole = task.holds_class_numbers(values)
                check_label_range(values, task.highest(values), whole=whole, may_miss=True, of=name)

    def _check_tasks(self, labels: Any) -> None:
        known = ", ".join(self.tasks)
        if not isinstance(labels, Mapping) or not labels:
            raise ValueError(f"targets must be a dictionary with labels for {known}, received {type(labels).__name__}")
        if unknown := [str(name) for name in labels if name not in self.tasks]:
            raise ValueError(f"targets must be of the tasks {known}, received {', '.join(unknown)}")

    def classify(self, images: Any, texts: Sequence[str], *, batch_size: int = 64) -> dict[str, list[Any]]:
        """{task: the names of its answers} for N pictures with N texts, as Classifier.classify; without tasks of regression.

        Raises ValueError as inputs_of.
        """
        tasks = {name: task for name, task in self.tasks.items() if task.head != "regression"}
        if not len(texts):
            return {name: [] for name in tasks}
        answers = self.predict(self.inputs_of(images, texts), batch_size=batch_size, verbose=0)
        return {name: task.named(answers[name]) for name, task in tasks.items()}

    def export_parts(self) -> dict[str, Part]:
        """The whole as one part with an output for each task; its inputs as an artifact declares them."""
        return {
            "multitask": self.whole_part(self.output, any_size=any(task.kind.any_size for task in self.tasks.values()))
        }

    def save_assets(self, directory: str) -> None:
        """Writes tokenizer.json, preprocessing.json and labels.json; Keras calls it for a .keras file, export for a bundle."""
        super().save_assets(directory)
        write_labels({"tasks": {name: task.described for name, task in self.tasks.items()}}, directory)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"tasks": {name: dataclasses.asdict(task) for name, task in self.tasks.items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> MultiTask:
        tasks = {name: Task(**task) for name, task in config["tasks"].items()}
        return super().from_config(config | {"tasks": tasks}, custom_objects)


def _check_names(tasks: Mapping[str, Task], taken: Sequence[str]) -> None:
    if not isinstance(tasks, Mapping) or not tasks:
        raise ValueError(f"tasks must be a dictionary of at least one Task, received {tasks!r}")
    for name, task in tasks.items():
        if not isinstance(task, Task):
            raise ValueError(f"tasks must be a dictionary of Task, received {task!r} for {name!r}")
        if not isinstance(name, str) or not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) or name in taken:
            raise ValueError(f"a task's name must be an identifier other than {', '.join(taken)}, received {name!r}")


def _weights(sample_weight: Any, task: str) -> Any:
    return sample_weight.get(task) if isinstance(sample_weight, Mapping) else sample_weight
