"""What was hidden from the model, against what it guesses there."""

from __future__ import annotations

from typing import Any

from keras import ops

from mmzoo.losses.classification import cross_entropy
from mmzoo.losses.shapes import check_shape

NORMS = ("l2", "l1")


def masked_mean(losses: Any, masked: Any) -> Any:
    """Mean over the places where masked is True, and 0 where none is; what stands elsewhere, nan included, does not count.

    losses, any shape; masked, the same shape, bool -> scalar float32.
    Raises ValueError for a mask of another shape: it would be broadcast.
    """
    losses, masked = ops.cast(losses, "float32"), ops.cast(masked, "bool")
    check_shape("masked", masked, tuple(losses.shape))
    return ops.sum(ops.where(masked, losses, 0.0)) / ops.maximum(ops.sum(ops.cast(masked, "float32")), 1.0)


def masked_token_loss(logits: Any, token_ids: Any, masked: Any) -> Any:
    """Mean cross-entropy of the hidden tokens, in nats (BERT's masked language model, arXiv:1810.04805, section 3.1).

    logits (B, T, V); token_ids (B, T) int, as they were before they were hidden; masked (B, T) bool, True where one is to be guessed
    -> scalar float32, 0 where nothing is masked. Zero logits give log V.
    Raises ValueError for shapes that do not belong together: they would be broadcast.
    """
    return masked_mean(cross_entropy(logits, token_ids), masked)


def masked_token_accuracy(logits: Any, token_ids: Any, masked: Any) -> Any:
    """Share of the hidden tokens that are the model's first guess, in [0, 1]; shapes as of masked_token_loss, 0 where nothing is masked."""
    guesses = ops.argmax(logits, axis=-1)
    token_ids = ops.cast(token_ids, guesses.dtype)
    check_shape("token_ids", token_ids, tuple(guesses.shape))
    return masked_mean(ops.equal(guesses, token_ids), masked)


def masked_image_loss(
    pixels: Any, images: Any, patch_mask: Any, *, patch_size: int, normalize: bool = True, norm: str = "l2"
) -> Any:
    """Mean error of the hidden patches' pixels (MAE, arXiv:2111.06377, section 3; SimMIM, arXiv:2111.09886, section 3.4).

    pixels (B, N, P P C), predicted, a patch row by row with its channels last; images (B, H, W, C) in [0, 255]; patch_mask (B, N)
    bool, True where hidden, N patches row by row as mmzoo.layers.PatchEmbedding cuts them -> scalar float32, 0 where nothing is hidden.
    normalize: the target is each patch less its mean, over its standard deviation (MAE, "Reconstruction target"); else pixels in [-1, 1].
    norm: "l2", squared error (MAE), or "l1", absolute error (SimMIM, with normalize=False).
    Raises ValueError for an unknown norm, a patch_size below 1 or above the picture, or shapes that do not belong together.
    """
    if norm not in NORMS:
        raise ValueError(f"norm must be one of {', '.join(NORMS)}, received {norm!r}")
    pixels = ops.cast(pixels, "float32")
    targets = _cut(ops.cast(images, "float32") / 127.5 - 1.0, patch_size)
    check_shape("pixels", pixels, tuple(targets.shape))
    if normalize:
        targets = _normalize(targets)
    errors = ops.square(pixels - targets) if norm == "l2" else ops.abs(pixels - targets)
    return masked_mean(ops.mean(errors, axis=-1), patch_mask)


def _cut(images: Any, size: int) -> Any:
    """(B, H, W, C) -> (B, N, size size C); what is left over on the right and at the bottom is not read."""
    if len(images.shape) != 4 or None in images.shape[1:]:
        raise ValueError(f"images must have shape (B, H, W, C) with H, W and C known, received {tuple(images.shape)}")
    height, width, channels = images.shape[1:]
    if not 1 <= size <= min(height, width):
        raise ValueError(f"patch_size must be between 1 and the {height} x {width} pixels of images, received {size}")
    rows, columns = height // size, width // size
    x = images[:, : rows * size, : columns * size]
    x = ops.reshape(x, (-1, rows, size, columns, size, channels))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, rows * columns, size * size * channels))


def _normalize(patches: Any) -> Any:
    """Mean 0 and standard deviation 1 of a patch's numbers, the deviation with n - 1 as in MAE's code; an even patch becomes 0."""
    count = patches.shape[-1]
    centred = patches - ops.mean(patches, axis=-1, keepdims=True)
    variance = ops.sum(ops.square(centred), axis=-1, keepdims=True) / max(count - 1, 1)
    return centred / ops.sqrt(variance + 1e-6)
