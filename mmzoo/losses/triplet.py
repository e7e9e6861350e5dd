"""A matching pair must be nearer than a mismatched one, by a margin."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.losses.shapes import check_shape

NEGATIVES = ("hard", "semi_hard", "random", "all")


def triplet_loss(
    similarities: Any,
    positives: Any = None,
    *,
    margin: float = 0.2,
    negatives: str = "hard",
    seed: int | keras.random.SeedGenerator | None = None,
) -> Any:
    """Hinge on margin + wrong - right similarity, from image to text and back (VSE++, arXiv:1707.05612, section 2).

    similarities (B, B), cosines, images in rows, the matching pairs on the diagonal; positives (B, B) bool, pairs that are right too,
    such as repeated captions, and never negatives -> scalar float32: the mean over rows plus the mean over columns, each row with
    negatives: "hard", the most similar one (VSE++); "all", the sum over all (VSE0); "semi_hard", the most similar of those that are
    less similar than the match (FaceNet, arXiv:1503.03832, section 3.2), or the least similar one where none is; "random", one drawn
    evenly, by seed: an int draws the same at every call, a SeedGenerator others (JAX needs one of the two inside `fit`).
    A row without a negative contributes 0. Equal cosines give 2 margin for one negative a row.
    Raises ValueError for a margin that is not above 0, unknown negatives, or a matrix that is not square.
    """
    if not margin > 0:
        raise ValueError(f"margin must be above 0, received {margin}")
    if negatives not in NEGATIVES:
        raise ValueError(f"negatives must be one of {', '.join(NEGATIVES)}, received {negatives!r}")
    similarities = ops.cast(similarities, "float32")
    size = similarities.shape[0] if len(similarities.shape) == 2 else None
    check_shape("similarities", similarities, (size, size))
    own = ops.eye(ops.shape(similarities)[0], dtype="bool")
    if positives is not None:
        positives = ops.cast(positives, "bool")
        check_shape("positives", positives, tuple(similarities.shape))
        own = ops.logical_or(own, positives)
    negative = ops.logical_not(own)
    to_text = _row_losses(similarities, negative, margin, negatives, seed)
    to_image = _row_losses(ops.transpose(similarities), ops.transpose(negative), margin, negatives, seed)
    return ops.mean(to_text) + ops.mean(to_image)


def _row_losses(similarities: Any, negative: Any, margin: float, negatives: str, seed: Any) -> Any:
    """(B, B) similarities to what each row looks for, on the diagonal, and to its negatives -> (B,)."""
    match = ops.sum(similarities * ops.eye(ops.shape(similarities)[0], dtype="float32"), axis=1, keepdims=True)
    if negatives == "semi_hard":
        softer = ops.logical_and(negative, similarities < match)
        hardest = ops.max(ops.where(softer, similarities, float("-inf")), axis=1)
        easiest = ops.min(ops.where(negative, similarities, float("inf")), axis=1)
        chosen = ops.where(ops.any(softer, axis=1), hardest, easiest)
        return ops.where(ops.any(negative, axis=1), ops.relu(margin + chosen - match[:, 0]), 0.0)
    losses = ops.where(negative, ops.relu(margin + similarities - match), 0.0)
    if negatives == "all":
        return ops.sum(losses, axis=1)
    if negatives == "hard":
        return ops.max(losses, axis=1)
    draws = keras.random.uniform(ops.shape(losses), seed=seed)
    drawn = ops.argmax(ops.where(negative, draws, -1.0), axis=1)
    return ops.take_along_axis(losses, drawn[:, None], axis=1)[:, 0]
