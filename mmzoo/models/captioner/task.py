"""A text to be written, as one of several tasks of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from mmzoo.decoders import build_decoder
from mmzoo.losses import cross_entropy
from mmzoo.models.captioner.ids import SpecialIds, written
from mmzoo.tokenizer import Tokenizer


@dataclass(frozen=True)
class CaptionTask:
    """A caption, or an answer in words, that a model learns to write beside its other tasks.

    decoder, context_length, width, depth, num_heads, dropout, label_smoothing: of build_captioner. weight: of its loss among others.
    vocab_size: without a tokenizer, how many tokens there are; the ids that begin, end and fill a text are then SpecialIds'.
    Raises ValueError for a weight or a label_smoothing out of range.
    """

    decoder: str = "transformer"
    context_length: int = 32
    width: int = 256
    depth: int | None = None
    num_heads: int | None = None
    dropout: float = 0.0
    label_smoothing: float = 0.0
    weight: float = 1.0
    vocab_size: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.weight < float("inf"):
            raise ValueError(f"weight must be at least 0, received {self.weight}")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing must be at least 0 and below 1, received {self.label_smoothing}")

    def build(self, tokenizer: Tokenizer | None, *, dtype: Any, name: str) -> keras.layers.Layer:
        """The decoder. Raises ValueError without tokenizer and vocab_size, for a vocab_size below the tokenizer's, and as build_decoder."""
        if tokenizer is None and self.vocab_size is None:
            raise ValueError("CaptionTask must have a vocab_size where the model has no tokenizer, received neither")
        size = self.vocab_size or (tokenizer.vocab_size if tokenizer is not None else 0)
        if tokenizer is not None and tokenizer.vocab_size > size:
            raise ValueError(f"vocab_size must be {tokenizer.vocab_size} for this tokenizer, received {size}")
        return build_decoder(
            self.decoder,
            size,
            self.context_length,
            self.width,
            depth=self.depth,
            num_heads=self.num_heads,
            dropout=self.dropout,
            dtype=dtype,
            name=name,
        )


def token_losses(
    logits: Any, token_ids: Any, special_ids: SpecialIds, label_smoothing: float = 0.0
) -> tuple[Any, Any, Any]:
    """What a decoder's logits (B, T - 1, V) of texts (B, T) are worth, each (B, T - 1): cross-entropy in nats, whether the likeliest
    token is right, and whether it counts: all up to the end do, the end included."""
    targets = ops.cast(token_ids, "int32")[:, 1:]
    losses = cross_entropy(logits, targets, label_smoothing=label_smoothing)
    right = ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), targets)
    return losses, right, written(targets, special_ids)
