"""Contrastive objectives: every picture of a batch against every text."""

from __future__ import annotations

from typing import Any

from keras import ops

from mmzoo.losses.classification import cross_entropy

# Odd 32-bit constants of MurmurHash3's finaliser: multiplication by them is a bijection that spreads the low bits.
_MIX = (-2048144789, -1028477387)
_SALTS = (0x2545F491, 0x1B873593)


def contrastive_loss(logits: Any, positives: Any = None) -> Any:
    """Mean of row and column cross-entropy, in nats (arXiv:2103.00020, figure 3; several positives as in arXiv:2204.03610, eq. 2-4).

    logits (B, B), scaled similarities, images in rows; positives (B, B) bool, symmetric in what it means, default the diagonal ->
    scalar float32. With several positives in a row the target is spread evenly over them. Zero logits and no repeats give log B.
    """
    logits = ops.cast(logits, "float32")
    targets = _targets(logits, positives)
    return 0.5 * (_row_loss(logits, targets) + _row_loss(ops.transpose(logits), ops.transpose(targets)))


def sigmoid_loss(logits: Any, positives: Any = None) -> Any:
    """Every pair is a binary decision; summed over the pairs, divided by B, in nats (SigLIP, arXiv:2303.15343, section 3, eq. 1).

    logits (B, B), scale * similarity + bias, images in rows; positives (B, B) bool, default the diagonal -> scalar float32.
    Zero logits give B log 2.
    """
    logits = ops.cast(logits, "float32")
    signs = 2.0 * _targets(logits, positives) - 1.0
    return -ops.sum(ops.log_sigmoid(signs * logits)) / ops.cast(ops.shape(logits)[0], "float32")


def repeated_rows(token_ids: Any) -> Any:
    """Which captions of a batch are the same: (B, T) int -> (B, B) bool, the diagonal always True.

    Rows are compared by two 32-bit hashes each, not token by token, so the cost is B (T + B), not B B T; two different captions are
    taken for equal with a chance of about 2^-60 a pair.
    """
    hashes = hash_rows(token_ids)
    return ops.all(ops.equal(hashes[:, None, :], hashes[None, :, :]), axis=-1)


def hash_rows(token_ids: Any) -> Any:
    """Two 32-bit hashes of each caption, that stand for it where captions are compared: (B, T) int -> (B, 2) int32."""
    token_ids = ops.cast(token_ids, "int32")
    return ops.stack([_hash_rows(token_ids, salt) for salt in _SALTS], axis=1)


def _targets(logits: Any, positives: Any) -> Any:
    if positives is None:
        return ops.eye(ops.shape(logits)[0], dtype="float32")
    return ops.cast(positives, "float32")


def _row_loss(logits: Any, targets: Any) -> Any:
    return ops.mean(cross_entropy(logits, targets / ops.sum(targets, axis=1, keepdims=True)))


def _hash_rows(token_ids: Any, salt: int) -> Any:
    """Mixes each token with its position and sums, in wrapping int32: (B, T) -> (B,)."""
    x = token_ids * 31 + ops.arange(1, token_ids.shape[1] + 1, dtype="int32")[None, :] * salt
    for constant in _MIX:
        x = ops.bitwise_xor(x, ops.right_shift(x, 15)) * constant
    return ops.sum(ops.bitwise_xor(x, ops.right_shift(x, 16)), axis=1)
