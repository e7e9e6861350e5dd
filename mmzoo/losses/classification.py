"""What a model says of each example, against the class or the classes that are right."""

from __future__ import annotations

from typing import Any

from keras import ops

from mmzoo.losses.shapes import check_shape

# The smallest probability that float32 holds at full precision, and the smallest that it can be short of 1.
_SMALLEST = 2.0**-126
_SMALLEST_REST = 2.0**-24


def cross_entropy(logits: Any, targets: Any, *, label_smoothing: float = 0.0, from_probabilities: bool = False) -> Any:
    """Cross-entropy of one class in C, an example, in nats; label smoothing as in arXiv:1512.00567, section 7.

    logits (..., C); targets (...) int in [0, C), or (..., C) float, how probable each class is -> (...) float32, each at least 0.
    from_probabilities: `logits` are probabilities that sum to 1. Their log is taken no lower than that of 2^-126, so an example
    costs at most 87.3; one that is this wrong has gradient 0.
    label_smoothing: this part of the target is spread evenly over all C. Zero logits give log C, with any smoothing.
    A class number outside [0, C) gives nan: 0 would hide it.
    Raises ValueError for label_smoothing outside [0, 1), or targets of another shape: they would be broadcast.
    """
    _check_smoothing(label_smoothing)
    logits = ops.cast(logits, "float32")
    log_probabilities = _log(logits, _SMALLEST) if from_probabilities else ops.log_softmax(logits, axis=-1)
    targets = ops.convert_to_tensor(targets)
    if len(targets.shape) == len(logits.shape) and (targets.shape[-1] != 1 or logits.shape[-1] == 1):
        check_shape("targets", targets, tuple(logits.shape))
        losses = -ops.sum(ops.cast(targets, "float32") * log_probabilities, axis=-1)
    else:
        losses = -_pick(log_probabilities, _class_numbers(targets, logits))
    if label_smoothing:
        losses = (1 - label_smoothing) * losses - label_smoothing * ops.mean(log_probabilities, axis=-1)
    return losses


def binary_cross_entropy(
    logits: Any, targets: Any, *, label_smoothing: float = 0.0, from_probabilities: bool = False
) -> Any:
    """Cross-entropy of C decisions that exclude nothing (multi-label), the mean of an example's, in nats.

    logits (..., C); targets (..., C) in [0, 1], bool or float; where C is 1 also (...) -> (...) float32, each at least 0.
    from_probabilities: `logits` are probabilities. Their log is taken no lower than that of 2^-126, and that of what is left to 1
    no lower than that of 2^-24, the least that float32 can be short of 1; a decision that is this wrong has gradient 0.
    label_smoothing: targets are drawn towards 1/2 by this part of the way. Zero logits give log 2.
    Raises ValueError for label_smoothing outside [0, 1), or targets of another shape: they would be broadcast.
    """
    _check_smoothing(label_smoothing)
    logits, targets = ops.cast(logits, "float32"), ops.cast(targets, "float32")
    if logits.shape[-1] == 1 and len(targets.shape) == len(logits.shape) - 1:
        targets = targets[..., None]
    check_shape("targets", targets, tuple(logits.shape))
    targets = (1 - label_smoothing) * targets + 0.5 * label_smoothing
    if from_probabilities:
        yes, no = _log(logits, _SMALLEST), _log(1.0 - logits, _SMALLEST_REST)
    else:
        yes, no = ops.log_sigmoid(logits), ops.log_sigmoid(-logits)
    return -ops.mean(targets * yes + (1.0 - targets) * no, axis=-1)


def hinge_loss(scores: Any, labels: Any) -> Any:
    """By how much the right class fails to beat the best wrong one by 1: Crammer and Singer's (JMLR 2, 2001, pages 265-292), as an SVM's.

    scores (..., C), one a class, or (..., 1), the second class's lead over the first; labels (...) int in [0, C), or in [0, 2)
    -> (...) float32, each at least 0. Zero scores give 1. A label outside its range gives nan: 0 would hide it.
    Raises ValueError for labels of another shape: they would be broadcast.
    """
    scores = ops.cast(scores, "float32")
    if scores.shape[-1] == 1:
        scores = ops.concatenate([-0.5 * scores, 0.5 * scores], axis=-1)
    labels = _class_numbers(ops.convert_to_tensor(labels), scores)
    is_right = ops.equal(labels[..., None], ops.arange(scores.shape[-1], dtype="int32"))
    best_wrong = ops.max(ops.where(is_right, float("-inf"), scores), axis=-1)
    return ops.relu(1.0 + best_wrong - _pick(scores, labels))


def _log(probabilities: Any, floor: float) -> Any:
    return ops.log(ops.maximum(probabilities, floor))


def _class_numbers(targets: Any, logits: Any) -> Any:
    """(...) int32 of what a Keras loss hands over: floats, at times with a last axis of 1."""
    if len(targets.shape) == len(logits.shape) and targets.shape[-1] == 1:
        targets = ops.squeeze(targets, axis=-1)
    check_shape("targets", targets, tuple(logits.shape[:-1]))
    return ops.cast(targets, "int32")


def _pick(values: Any, numbers: Any) -> Any:
    """Of (..., C) the value that each of (...) numbers; nan for a number outside [0, C)."""
    known = ops.logical_and(numbers >= 0, numbers < ops.shape(values)[-1])
    picked = ops.take_along_axis(values, ops.where(known, numbers, 0)[..., None], axis=-1)
    return ops.where(known, ops.squeeze(picked, axis=-1), float("nan"))


def _check_smoothing(label_smoothing: float) -> None:
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing must be at least 0 and below 1, received {label_smoothing}")
