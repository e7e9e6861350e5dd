"""A trunk with a head that answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from mmzoo.encoders.contract import inputs_like
from mmzoo.models.classifier.task import Task, write_labels
from mmzoo.models.trunk import Trunk
from mmzoo.models.trunk_model import TrunkModel
from mmzoo.presets import ImagePreprocessing
from mmzoo.signature import Part
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.label_range import LabelRange, check_label_range
from mmzoo.training.replicas import replica_share


@keras.saving.register_keras_serializable("mmzoo")
class Classifier(TrunkModel):
    """Answers about a picture with a text: a class, labels, or values.

    Inputs:  images (B, H, W, 3) in [0, 255]; token_ids (B, T) int32; a list is read as [text, image] (token_ids, images).
    Output:  (B, num_classes) float32: for the head "softmax" probabilities that sum to 1, "sigmoid" a probability each, "hinge" a
    score each (with num_classes=1 above 0 for the second of two classes), "regression" a value each.
    Targets: softmax int (B,) or soft (B, C); sigmoid (B, C) in [0, 1]; hinge int (B,); regression (B, C) float; with C = 1 also (B,).

    `compile(optimizer)` trains with the head's own loss, in nats: cross-entropy, binary cross-entropy, Crammer and Singer's hinge,
    squared error; `compile(optimizer, loss)` with any other of (targets, output). With missing_modalities in the trunk, images or
    token_ids may be left out of the inputs, or image_present and text_present (B,) bool say where they are.
    Parts: trunk (with image_encoder, text_encoder, fusion), answer_head. labels: names of the classes. tokenizer and
    image_preprocessing belong to the model and are saved in its .keras file.
    Raises ValueError for an unknown head, labels that are not num_classes, or fewer than two classes for softmax.
    """

    def __init__(
        self,
        trunk: Trunk,
        *,
        num_classes: int,
        head: str = "softmax",
        hidden: int | None = None,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        labels: Sequence[str] | None = None,
        tokenizer: Tokenizer | None = None,
        image_preprocessing: ImagePreprocessing | None = None,
        name: str = "classifier",
        **kwargs: Any,
    ) -> None:
        task = Task(num_classes, head, labels, hidden=hidden, dropout=dropout, label_smoothing=label_smoothing)
        inputs = inputs_like(trunk)
        answer_head, activation, answers = task.build(
            trunk(inputs)["pooled"], dtype=kwargs.get("dtype"), layer_name="head", output_name=task.kind.output
        )
        super().__init__(
            trunk,
            inputs,
            answers,
            tokenizer=tokenizer,
            image_preprocessing=image_preprocessing,
            name=name,
            **kwargs,
        )
        self.task, self.answer_head, self.activation = task, answer_head, activation
        self.head, self.num_classes, self.labels = task.head, task.num_classes, task.labels
        self.label_ranges = {"": LabelRange(name="label_range")}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The head's loss, or that of compile(loss=...), with any loss the layers added. Raises ValueError without targets."""
        if y is None:
            raise ValueError("fit must be given targets: fit([text, image], targets) or a dataset of (inputs, targets)")
        self.watch_images(x)
        self.label_ranges[""].update_state(y, self.task.highest(y))
        if not self.has_own_loss:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        losses = self.task.losses(y_pred, y, self.activation.logits_of(y_pred))
        if sample_weight is not None:
            losses = losses * ops.cast(ops.reshape(sample_weight, (-1,)), losses.dtype)
        return replica_share(self.add_layer_losses(ops.mean(losses)))

    def check_labels(self, labels: Any) -> None:
        """Looks at labels that are in memory. Raises ValueError for one that is no class."""
        if len(getattr(labels, "shape", ())):
            check_label_range(labels, self.task.highest(labels), whole=self.task.holds_class_numbers(labels))

    def classify(self, images: Any, texts: Sequence[str], *, batch_size: int = 64) -> list[Any]:
        """The names of what the model answers: N pictures with N texts, such as questions -> N answers.

        One label each, its number where the model has no labels; for the head "sigmoid" a tuple of those above one half.
        Raises ValueError for the head "regression", whose answers are predict's, and as inputs_of.
        """
        if not len(texts):
            return []
        return self.task.named(self.predict(self.inputs_of(images, texts), batch_size=batch_size, verbose=0))

    def export_parts(self) -> dict[str, Part]:
        """The whole as one part, with its inputs as an artifact declares them: uint8 pictures, int32 token ids."""
        return {"classifier": self.whole_part({self.task.kind.output: self.output}, any_size=self.task.kind.any_size)}

    def save_assets(self, directory: str) -> None:
        """Writes tokenizer.json, preprocessing.json and labels.json; Keras calls it for a .keras file, export for a bundle."""
        super().save_assets(directory)
        if self.labels is not None:
            write_labels(self.task.described, directory)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "num_classes": self.num_classes,
            "head": self.head,
            "hidden": self.task.hidden,
            "dropout": self.task.dropout,
            "label_smoothing": self.task.label_smoothing,
            "labels": None if self.labels is None else list(self.labels),
        }
