"""Losses that `compile(loss=...)` takes: the functions on (y_true, y_pred), with weights and reduction as Keras has them."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.losses.classification import binary_cross_entropy, cross_entropy, hinge_loss


@keras.saving.register_keras_serializable("mmzoo")
class CrossEntropy(keras.losses.Loss):
    """cross_entropy for `compile`: y_true (B,) int or (B, C) float; y_pred (B, C) logits, or with from_probabilities probabilities."""

    def __init__(
        self,
        *,
        label_smoothing: float = 0.0,
        from_probabilities: bool = False,
        reduction: str = "sum_over_batch_size",
        name: str = "cross_entropy",
    ) -> None:
        super().__init__(name=name, reduction=reduction)
        self.label_smoothing, self.from_probabilities = label_smoothing, from_probabilities

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return cross_entropy(
            y_pred, y_true, label_smoothing=self.label_smoothing, from_probabilities=self.from_probabilities
        )

    def get_config(self) -> dict[str, Any]:
        own = {"label_smoothing": self.label_smoothing, "from_probabilities": self.from_probabilities}
        return super().get_config() | own


@keras.saving.register_keras_serializable("mmzoo")
class BinaryCrossEntropy(keras.losses.Loss):
    """binary_cross_entropy for `compile`: y_true (B, C) in [0, 1]; y_pred (B, C) logits, or with from_probabilities probabilities."""

    def __init__(
        self,
        *,
        label_smoothing: float = 0.0,
        from_probabilities: bool = False,
        reduction: str = "sum_over_batch_size",
        name: str = "binary_cross_entropy",
    ) -> None:
        super().__init__(name=name, reduction=reduction)
        self.label_smoothing, self.from_probabilities = label_smoothing, from_probabilities

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return binary_cross_entropy(
            y_pred, y_true, label_smoothing=self.label_smoothing, from_probabilities=self.from_probabilities
        )

    def get_config(self) -> dict[str, Any]:
        own = {"label_smoothing": self.label_smoothing, "from_probabilities": self.from_probabilities}
        return super().get_config() | own


@keras.saving.register_keras_serializable("mmzoo")
class HingeLoss(keras.losses.Loss):
    """hinge_loss for `compile`: y_true (B,) int; y_pred (B, C) scores, or (B, 1) for two classes."""

    def __init__(self, *, reduction: str = "sum_over_batch_size", name: str = "hinge") -> None:
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return hinge_loss(y_pred, y_true)
