"""A trunk with a head for each of several tasks."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.encoders.contract import inputs_like
from mmzoo.losses import masked_mean
from mmzoo.models.captioner import Captioner, CaptionTask
from mmzoo.models.captioner.ids import SpecialIds
from mmzoo.models.captioner.task import token_losses
from mmzoo.models.classifier import Task
from mmzoo.models.classifier.task import write_labels
from mmzoo.models.trunk import Trunk
from mmzoo.models.trunk_model import TrunkModel
from mmzoo.presets import ImagePreprocessing
from mmzoo.signature import Part
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.fitting import refuse_compiled
from mmzoo.training.label_range import LabelRange, check_label_range
from mmzoo.training.replicas import replica_share


@keras.saving.register_keras_serializable("mmzoo")
class MultiTask(TrunkModel):
    """Answers several questions about a picture with a text at once (hard parameter sharing, arXiv:1706.05098, section 3).

    Inputs:  images (B, H, W, 3) in [0, 255]; token_ids (B, T) int32; a list is read as [text, image] (token_ids, images). For each
    CaptionTask also TASK_token_ids (B, context_length) int32: what is to be written, and no target.
    Outputs: {task: (B, num_classes) float32}, each as a Classifier's of that head; of a CaptionTask logits as a Captioner's.
    Targets: {task: as a Classifier's}, of all tasks or some. An example without a label has -1, or nan, in its place (regression:
    nan; a text: pads alone); a task of which a batch has no label at all adds nothing to its loss.

    `compile(optimizer)` trains with the sum of weight times loss over the tasks, a task's loss being the mean of its head's over the
    examples that have a label. The logs have TASK_loss and, but for regression, TASK_accuracy, each of the labelled examples of the
    epoch, and 0 where there were none. `compile(optimizer, loss={task: ...}, loss_weights=..., metrics={task: ...})` leaves
    both to Keras, which asks for the labels of all tasks and knows none that are missing.
    Parts: trunk, answer_heads {task: head}, decoders {task: decoder}; writer(task) is a Captioner of them, which generates and exports.
    tasks: {name: Task or CaptionTask}. tokenizer and image_preprocessing as a Classifier's.
    Raises ValueError for no tasks, or a name that cannot be an output's.
    """

    def __init__(
        self,
        trunk: Trunk,
        tasks: Mapping[str, Task | CaptionTask],
        *,
        tokenizer: Tokenizer | None = None,
        image_preprocessing: ImagePreprocessing | None = None,
        special_ids: Sequence[int] | None = None,
        name: str = "multitask",
        **kwargs: Any,
    ) -> None:
        inputs = inputs_like(trunk)
        _check_names(tasks, (*inputs, trunk.name))
        fused, tokenizer = trunk(inputs), tokenizer or getattr(trunk.text_encoder, "tokenizer", None)
        answering = {each: task for each, task in tasks.items() if isinstance(task, Task)}
        writing = {each: task for each, task in tasks.items() if isinstance(task, CaptionTask)}
        built = {
            each: task.build(fused["pooled"], dtype=kwargs.get("dtype"), layer_name=f"{each}_head", output_name=each)
            for each, task in answering.items()
        }
        decoders = {
            each: task.build(tokenizer, dtype=kwargs.get("dtype"), name=f"{each}_decoder")
            for each, task in writing.items()
        }
        sized = {each: dataclasses.replace(writing[each], vocab_size=decoders[each].vocab_size) for each in writing}
        outputs = {each: answers for each, (_, _, answers) in built.items()}
        for each, decoder in decoders.items():
            token_ids = inputs[f"{each}_token_ids"] = keras.Input(
                (decoder.context_length,), dtype="int32", name=f"{each}_token_ids"
            )
            outputs[each] = decoder(token_ids[:, :-1], fused["sequence"], memory_mask=fused.get("mask"))
        super().__init__(
            trunk,
            inputs,
            outputs,
            tokenizer=tokenizer,
            image_preprocessing=image_preprocessing,
            name=name,
            **kwargs,
        )
        self.tasks = {each: sized.get(each, task) for each, task in tasks.items()}
        self.answering, self.writing, self.decoders = answering, sized, decoders
        self.writers = SimpleNamespace(made={})  # a model that Keras knew of it would save once more
        self.special_ids = SpecialIds(*special_ids or ())
        if tokenizer is not None and writing:
            self.special_ids = SpecialIds.of(tokenizer)
        self.answer_heads = {each: head for each, (head, _, _) in built.items()}
        self.activations = {each: activation for each, (_, activation, _) in built.items()}
        self.label_ranges = {each: LabelRange(name=f"{each}_label_range", may_miss=True) for each in answering}
        self.task_losses = {each: keras.metrics.Mean(name=f"{each}_loss") for each in tasks}
        self.task_accuracies = {
            each: keras.metrics.Mean(name=f"{each}_accuracy")
            for each, task in tasks.items()
            if isinstance(task, CaptionTask) or task.kind.bounded
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

        sample_weight: (B,), or {task: (B,)} of tasks with targets; a CaptionTask's texts weigh alike then.
        Raises ValueError for targets that are no dictionary of tasks.
        """
        y = {} if y is None and self.writing else y
        self._check_tasks(y)
        self.watch_images(x)
        for name, seen in self.label_ranges.items():
            if name in y:
                seen.update_state(y[name], self.answering[name].highest(y[name]))
        if not self.has_own_loss:
            if self.writing:
                raise ValueError("loss must be left to a model with a CaptionTask, whose texts are no targets")
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        losses = [
            task.weight * self._task_loss(name, y_pred[name], y[name], _weights(sample_weight, name))
            if name in y
            else 0.0 * ops.sum(y_pred[name])  # a gradient of zero: Keras warns of weights without any
            for name, task in self.answering.items()
        ]
        losses += [
            task.weight * self._text_loss(name, y_pred[name], x[f"{name}_token_ids"], _weights(sample_weight, name))
            for name, task in self.writing.items()
        ]
        return replica_share(self.add_layer_losses(sum(losses)))

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """The tasks' own, and those of compile. Raises ValueError for these beside a CaptionTask, whose texts are no targets."""
        if self.writing:
            refuse_compiled(self, "metrics", instead="the tasks' own logs")
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def _task_loss(self, name: str, answers: Any, targets: Any, weights: Any) -> Any:
        """Mean over the examples with a label, which are also what the task's metrics see."""
        task, has_label = self.answering[name], self.answering[name].labelled(targets)
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

    def _text_loss(self, name: str, logits: Any, token_ids: Any, weights: Any) -> Any:
        """Mean over the tokens of the texts that there are, which are also what the task's metrics see."""
        losses, right, counted = token_losses(logits, token_ids, self.special_ids, self.tasks[name].label_smoothing)
        is_text = ops.any(ops.not_equal(ops.cast(token_ids, "int32"), self.special_ids.pad), axis=1, keepdims=True)
        counted = ops.logical_and(counted, is_text)
        if weights is not None:
            losses = losses * ops.cast(ops.reshape(weights, (-1, 1)), losses.dtype)
        self.task_losses[name].update_state(losses, counted)
        self.task_accuracies[name].update_state(right, counted)
        return masked_mean(losses, counted)

    def check_labels(self, labels: Any) -> None:
        """Looks at {task: labels} in memory. Raises ValueError for an unknown task, or a label that is no class of its task."""
        if labels is None or not isinstance(labels, Mapping):
            return  # a dataset's, which come a batch at a time
        self._check_tasks(labels)
        for name, values in labels.items():
            task = self.answering[name]
            if len(getattr(values, "shape", ())):
                whole = task.holds_class_numbers(values)
                check_label_range(values, task.highest(values), whole=whole, may_miss=True, of=name)

    def _check_tasks(self, labels: Any) -> None:
        known = ", ".join(self.answering)
        if not isinstance(labels, Mapping) or not (labels or self.writing):
            raise ValueError(f"targets must be a dictionary with labels for {known}, received {type(labels).__name__}")
        if unknown := [str(name) for name in labels if name not in self.answering]:
            raise ValueError(f"targets must be of the tasks {known}, received {', '.join(unknown)}")

    def classify(self, images: Any, texts: Sequence[str], *, batch_size: int = 64) -> dict[str, list[Any]]:
        """{task: the names of its answers} for N pictures with N texts, as Classifier.classify; without tasks of regression.

        Raises ValueError as inputs_of.
        """
        tasks = {name: task for name, task in self.answering.items() if task.head != "regression"}
        if not len(texts):
            return {name: [] for name in tasks}
        answers = self.predict(self.inputs_of(images, texts), batch_size=batch_size, verbose=0)
        return {name: task.named(answers[name]) for name, task in tasks.items()}

    def inputs_of(self, images: Any, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """As TrunkModel.inputs_of, and of what is to be written nothing."""
        inputs = super().inputs_of(images, texts)
        empty = np.full((len(images), 1), self.special_ids.pad, "int32")
        return inputs | {
            f"{name}_token_ids": empty.repeat(decoder.context_length, axis=1) for name, decoder in self.decoders.items()
        }

    def writer(self, task: str) -> Captioner:
        """The trunk and the decoder of a CaptionTask, themselves and no copies, as a Captioner: its generate writes, and mmzoo.export
        takes it. Raises ValueError for another task, or a trunk with missing_modalities, which a Captioner has not."""
        if task not in self.writing:
            raise ValueError(f"task must be one of {', '.join(self.writing) or 'none'}, received {task!r}")
        if task not in self.writers.made:
            self.writers.made[task] = Captioner(
                self.trunk,
                self.decoders[task],
                tokenizer=self.tokenizer,
                image_preprocessing=self.image_preprocessing,
                special_ids=self.special_ids,
                label_smoothing=self.writing[task].label_smoothing,
                name=task,
            )
        return self.writers.made[task]

    def export_parts(self) -> dict[str, Part]:
        """The answers as one part with an output for each task; what is written is exported by writer(task).

        Raises ValueError where nothing else is there.
        """
        if not self.answering:
            raise ValueError("a model whose tasks are all written is exported by its writer(task), received no others")
        answers = {name: self.output[name] for name in self.answering}
        any_size = any(task.kind.any_size for task in self.answering.values())
        return {"multitask": self.whole_part(answers, any_size=any_size)}

    def save_assets(self, directory: str) -> None:
        """Writes tokenizer.json, preprocessing.json and labels.json; Keras calls it for a .keras file, export for a bundle."""
        super().save_assets(directory)
        write_labels({"tasks": {name: task.described for name, task in self.answering.items()}}, directory)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "tasks": {name: dataclasses.asdict(task) for name, task in self.tasks.items()},
            "special_ids": list(self.special_ids),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> MultiTask:
        tasks = {name: (CaptionTask if "decoder" in task else Task)(**task) for name, task in config["tasks"].items()}
        return super().from_config(config | {"tasks": tasks}, custom_objects)


def _check_names(tasks: Mapping[str, Task | CaptionTask], taken: Sequence[str]) -> None:
    if not isinstance(tasks, Mapping) or not tasks:
        raise ValueError(f"tasks must be a dictionary of at least one Task, received {tasks!r}")
    for name, task in tasks.items():
        if not isinstance(task, (Task, CaptionTask)):
            raise ValueError(f"tasks must be a dictionary of Task and CaptionTask, received {task!r} for {name!r}")
        if not isinstance(name, str) or not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) or name in taken:
            raise ValueError(f"a task's name must be an identifier other than {', '.join(taken)}, received {name!r}")


def _weights(sample_weight: Any, task: str) -> Any:
    return sample_weight.get(task) if isinstance(sample_weight, Mapping) else sample_weight
