"""Image-text matching: does this text belong to this picture?"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.layers import HardNegatives
from mmzoo.losses import masked_mean, matching_loss, repeated_rows
from mmzoo.models.trunk import Trunk


def fuse_with_negatives(
    trunk: Trunk,
    head: keras.layers.Layer,
    negatives: HardNegatives,
    image: dict[str, Any],
    text: dict[str, Any],
    logits: Any | None,
    token_ids: Any,
    training: bool | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the head says of each pair and of two wrong ones (ALBEF, arXiv:2107.07651, section 3.2), with one fusion of 3 B pairs.

    image, text: what the encoders gave; logits (B, B): what the wrong ones are drawn by, None for
    an even draw.
    Returns {"match_logits" (B, 3): the pair; a wrong picture with the text; the picture with a wrong text. "match_counted" (B, 3) bool,
    False where a batch has no wrong one}, and what the fusion gave for the pairs themselves.
    """
    same = repeated_rows(token_ids)
    drawn = negatives(ops.zeros_like(same, dtype="float32") if logits is None else logits, same, training=training)
    pictures = {
        name: ops.concatenate([x, ops.take(x, drawn["images"], axis=0), x], axis=0) for name, x in image.items()
    }
    texts = {name: ops.concatenate([x, x, ops.take(x, drawn["texts"], axis=0)], axis=0) for name, x in text.items()}
    fused = trunk.fuse(pictures, texts, training=training)
    scores = ops.transpose(ops.reshape(head(fused["pooled"], training=training), (3, -1)))
    found = drawn["found"]
    counted = ops.stack([ops.ones_like(found), found, found], axis=1)
    pairs = {name: x[: ops.shape(token_ids)[0]] for name, x in fused.items()}
    return {"match_logits": scores, "match_counted": counted}, pairs


def matching_terms(match_logits: Any, match_counted: Any) -> tuple[Any, Any]:
    """(mean binary cross-entropy in nats, share of right decisions) of what fuse_with_negatives gave; both scalars."""
    matched = ops.broadcast_to(ops.convert_to_tensor([[1.0, 0.0, 0.0]], "float32"), ops.shape(match_logits))
    losses = matching_loss(ops.reshape(match_logits, (-1,)), ops.reshape(matched, (-1,)))
    right = ops.equal(match_logits > 0, matched > 0.5)
    return masked_mean(losses, ops.reshape(match_counted, (-1,))), masked_mean(right, match_counted)
