"""Soft targets from a teacher, such as a momentum copy of the model."""

from __future__ import annotations

from typing import Any

from keras import ops

from mmzoo.losses.classification import cross_entropy


def distillation_loss(logits: Any, teacher_logits: Any, targets: Any, *, alpha: Any = 0.4) -> Any:
    """Cross-entropy with alpha softmax(teacher) + (1 - alpha) labels, in nats (ALBEF, arXiv:2107.07651, section 3.4).

    logits, teacher_logits (..., C), such as the similarities of an image with C texts, or guesses of hidden tokens; targets (...)
    int or (..., C) float as of cross_entropy; alpha in [0, 1], a number or a scalar tensor -> (...) float32.
    No gradient reaches the teacher or the targets. ALBEF's eq. 6 and 7 have the KL divergence for the teacher's part: it is less by
    the entropy of the teacher, so the gradient is the same.
    Raises ValueError for alpha outside [0, 1], or shapes that do not belong together: they would be broadcast.
    """
    if isinstance(alpha, (int, float)) and not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be between 0 and 1, received {alpha}")
    soft = ops.softmax(ops.cast(teacher_logits, "float32"), axis=-1)
    from_teacher = cross_entropy(logits, ops.stop_gradient(soft))
    from_labels = cross_entropy(logits, ops.stop_gradient(ops.convert_to_tensor(targets)))
    return alpha * from_teacher + (1.0 - alpha) * from_labels
