"""From a fused vector to an answer, and what it is trained by."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from mmzoo.layers import gelu
from mmzoo.losses import binary_cross_entropy, cross_entropy, hinge_loss


@dataclass(frozen=True)
class Head:
    """A kind of answer. activation: of the last layer; output: what an exported file calls it; loss: (logits or answers (B, C),
    targets, label_smoothing, whether they are answers) -> (B,) float32.

    whole: a target may be one of the classes by its number. needs_two: one class alone is nothing to choose from. bounded: targets have a
    greatest value. smooths: the loss has a use for label smoothing.
    """

    activation: str
    output: str
    loss: Callable[[Any, Any, float, bool], Any]
    whole: bool = False
    needs_two: bool = False
    bounded: bool = True
    smooths: bool = False

    @property
    def any_size(self) -> bool:
        """Whether its answers are no probabilities."""
        return self.activation == "linear"


def _softmax_loss(values: Any, targets: Any, label_smoothing: float, answers: bool) -> Any:
    return cross_entropy(values, targets, label_smoothing=label_smoothing, from_probabilities=answers)


def _sigmoid_loss(values: Any, targets: Any, label_smoothing: float, answers: bool) -> Any:
    return binary_cross_entropy(values, targets, label_smoothing=label_smoothing, from_probabilities=answers)


def _hinge_loss(values: Any, targets: Any, label_smoothing: float, answers: bool) -> Any:
    return hinge_loss(values, targets)


def _squared_error(values: Any, targets: Any, label_smoothing: float, answers: bool) -> Any:
    return ops.mean(ops.square(ops.cast(values, "float32") - ops.cast(targets, "float32")), axis=-1)


HEADS: dict[str, Head] = {
    "softmax": Head("softmax", "probabilities", _softmax_loss, whole=True, needs_two=True, smooths=True),
    "sigmoid": Head("sigmoid", "probabilities", _sigmoid_loss, smooths=True),
    "hinge": Head("linear", "scores", _hinge_loss, whole=True),
    "regression": Head("linear", "values", _squared_error, bounded=False),
}


def find_head(head: str) -> Head:
    """Raises ValueError for a name that is not in HEADS."""
    if head not in HEADS:
        raise ValueError(f"head must be one of {', '.join(HEADS)}, received {head!r}")
    return HEADS[head]


@keras.saving.register_keras_serializable("mmzoo")
class AnswerHead(keras.layers.Layer):
    """One hidden layer and one number a class: pooled (B, width) -> logits (B, num_classes) float32.

    hidden: size of the hidden layer (GELU, dropout after it), 0 for none. Of late fusion's pooled (B, M, width), a vector a modality,
    each has layers of its own, and the logits are their mean with learned weights that sum to 1.
    Raises ValueError for num_classes under 1, hidden under 0.
    """

    def __init__(self, num_classes: int, *, hidden: int = 0, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_classes < 1 or hidden < 0:
            raise ValueError(f"num_classes must be at least 1 and hidden 0, received {num_classes} and {hidden}")
        self.num_classes, self.hidden, self.dropout = num_classes, hidden, dropout
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, pooled_shape: Any) -> None:
        width, late = pooled_shape[-1], len(pooled_shape) == 3
        heads = pooled_shape[1] if late else 1
        self.hidden_dense, self.output_dense = [], []
        for index in range(heads):
            suffix = f"_{index}" if late else ""
            if self.hidden:
                dense = keras.layers.Dense(
                    self.hidden, activation=gelu, dtype=self.dtype_policy, name=f"hidden{suffix}"
                )
                dense.build((None, width))
                self.hidden_dense.append(dense)
            dense = keras.layers.Dense(self.num_classes, dtype="float32", name=f"output{suffix}")
            dense.build((None, self.hidden or width))
            self.output_dense.append(dense)
        self.mix = self.add_weight(name="mix", shape=(heads,), initializer="zeros") if late else None
        self.built = True

    def call(self, pooled: Any, training: bool | None = None) -> Any:
        if self.mix is None:
            return self._answer(0, pooled, training)
        answers = [self._answer(index, pooled[:, index], training) for index in range(len(self.output_dense))]
        shares = ops.softmax(ops.cast(self.mix, "float32"))
        return ops.sum(ops.stack(answers, axis=1) * shares[None, :, None], axis=1)

    def _answer(self, index: int, x: Any, training: bool | None) -> Any:
        if self.hidden_dense:
            x = self.dropout_layer(self.hidden_dense[index](x), training=training)
        return self.output_dense[index](x)

    def compute_output_shape(self, pooled_shape: Any) -> tuple[int | None, ...]:
        return (pooled_shape[0], self.num_classes)

    def compute_output_spec(self, pooled: Any, training: bool | None = None) -> Any:
        return keras.KerasTensor((pooled.shape[0], self.num_classes), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "num_classes": self.num_classes,
            "hidden": self.hidden,
            "dropout": self.dropout,
        }


class _Last(threading.local):
    """The last answers and their logits; replicas have a thread each."""

    answers: Any = None
    logits: Any = None


@keras.saving.register_keras_serializable("mmzoo")
class Answers(keras.layers.Activation):
    """A head's activation, (B, C) -> (B, C) float32, which knows what its last answers were made of.

    A probability has forgotten how large a logit was, and with it the gradient of what is most wrong; compute_loss is given
    probabilities, and asks for the logits of these.
    """

    def __init__(self, activation: str, **kwargs: Any) -> None:
        super().__init__(activation, dtype=kwargs.pop("dtype", "float32"), **kwargs)
        self.last = _Last()

    def call(self, logits: Any) -> Any:
        self.last.logits, self.last.answers = logits, super().call(logits)
        return self.last.answers

    def logits_of(self, answers: Any) -> Any:
        """The logits of the answers that call gave last, None for any others."""
        return self.last.logits if self.last.answers is answers else None
