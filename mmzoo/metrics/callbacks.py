"""Retrieval and zero-shot accuracy at the end of epochs, in the logs of fit.

The model has encode_image(images) -> (N, E) and encode_text(texts) -> (N, E), as a CLIP does. At the end of an epoch it
holds the trained values on every backend: Keras's JAX trainer writes them back before it calls on_epoch_end.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from mmzoo.metrics.figures import check_ks
from mmzoo.metrics.retrieval import RetrievalReport, check_positives, retrieval_report_from_embeds
from mmzoo.metrics.zero_shot import ZeroShotReport, check_labels, class_prompts, label_embeddings, zero_shot_accuracy


class RetrievalCallback(keras.callbacks.Callback):
    """Recall@K and Precision@K both ways on held-out images and texts, every `frequency` epochs.

    images (N, ...) and texts (M str, or token ids) go to the model's encode_image and encode_text as they are;
    positives and ks are those of retrieval_report. The logs get "val_recall@1_i2t", "val_precision@5_t2i", ...: put
    the callback before those that read them (EarlyStopping with mode="max", CSVLogger). `report` is the last
    RetrievalReport; fit prints it, with chance beside each figure, unless verbose=0.

    Raises: ValueError if positives do not fit, a k or frequency is below 1.
    """

    def __init__(
        self,
        images: Any,
        texts: Sequence[str] | np.ndarray,
        positives: np.ndarray | None = None,
        *,
        ks: Sequence[int] = (1, 5, 10),
        frequency: int = 1,
    ) -> None:
        super().__init__()
        self.images, self.texts = images, texts
        self.positives = check_positives(positives, (len(images), len(texts)))
        self.ks, self.frequency = check_ks(ks), check_frequency(frequency)
        self.report: RetrievalReport | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if (epoch + 1) % self.frequency:
            return
        image_embeds = keras.ops.convert_to_numpy(self.model.encode_image(self.images))
        text_embeds = keras.ops.convert_to_numpy(self.model.encode_text(self.texts))
        self.report = retrieval_report_from_embeds(image_embeds, text_embeds, self.positives, self.ks)
        publish({each.name: each.value for each in self.report.figures}, self.report, epoch, logs, self.params)


class ZeroShotCallback(keras.callbacks.Callback):
    """Zero-shot accuracy on held-out images (N, ...) with labels (N,) int, every `frequency` epochs.

    class_names and templates are the labels and templates of label_embeddings; ks are those of zero_shot_accuracy. The
    logs get "val_zero_shot_top1", ...; order of callbacks, `report` (a ZeroShotReport) and printing are as for
    RetrievalCallback.

    Raises: ValueError or TypeError if labels, class_names or templates do not fit, a k or frequency is below 1.
    """

    def __init__(
        self,
        images: Any,
        labels: Sequence[int] | np.ndarray,
        class_names: Sequence[str],
        templates: Sequence[str],
        *,
        ks: Sequence[int] = (1,),
        frequency: int = 1,
    ) -> None:
        super().__init__()
        class_prompts(class_names, templates)  # raises now rather than after the first epoch
        self.images, self.class_names, self.templates = images, class_names, templates
        self.labels = check_labels(labels, len(images), len(class_names))
        self.ks, self.frequency = check_ks(ks, len(class_names)), check_frequency(frequency)
        self.report: ZeroShotReport | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if (epoch + 1) % self.frequency:
            return
        image_embeds = keras.ops.convert_to_numpy(self.model.encode_image(self.images))
        class_embeds = label_embeddings(
            lambda prompts: keras.ops.convert_to_numpy(self.model.encode_text(prompts)),
            self.class_names,
            self.templates,
        )
        self.report = zero_shot_accuracy(image_embeds, class_embeds, self.labels, self.ks)
        figures = {f"zero_shot_{each.name}": each.value for each in self.report.figures}
        publish(figures, self.report, epoch, logs, self.params)


def publish(
    figures: Mapping[str, float],
    shown: object,
    epoch: int,
    logs: dict[str, float] | None,
    params: dict[str, Any] | None,
) -> None:
    """Puts figures into the logs as "val_NAME", and prints what is shown of them unless fit is silent."""
    if logs is not None:
        logs.update({f"val_{name}": value for name, value in figures.items()})
    if params and params["verbose"]:
        print(f"\nEpoch {epoch + 1}: {shown}")  # the line break ends the progress bar's line


def check_frequency(frequency: int) -> int:
    """The frequency. Raises ValueError below 1 epoch."""
    if operator.index(frequency) < 1:
        raise ValueError(f"frequency must be at least 1 epoch, received {frequency}")
    return frequency
