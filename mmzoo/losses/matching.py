"""Does this text belong to this picture?"""

from __future__ import annotations

from typing import Any

from keras import ops

from mmzoo.losses.classification import binary_cross_entropy
from mmzoo.losses.shapes import check_shape


def matching_loss(logits: Any, matched: Any) -> Any:
    """Binary cross-entropy of image-text matching, a pair, in nats (ITM; ALBEF, arXiv:2107.07651, section 3.2, eq. 4).

    logits (B,), above 0 where picture and text are said to match; matched (B,) bool, or float in [0, 1] -> (B,) float32.
    One logit stands for ALBEF's two: it is their difference. Zero logits give log 2.
    Raises ValueError for logits of more than one axis, or matched of another shape: they would be broadcast.
    """
    logits, matched = ops.cast(logits, "float32"), ops.cast(matched, "float32")
    check_shape("logits", logits, (None,))
    check_shape("matched", matched, tuple(logits.shape))
    return binary_cross_entropy(logits[:, None], matched[:, None])
