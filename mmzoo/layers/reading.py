"""Padded texts for layers that read them in order: where each ends, the way back, and one vector of each."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("mmzoo")
class UpToLast(keras.layers.Layer):
    """The positions up to the last that counts, and at least one: (B, T) bool -> (B, T) bool."""

    def call(self, mask: Any) -> Any:
        places = ops.arange(mask.shape[1], dtype="int32")
        last = ops.max(ops.cast(mask, "int32") * places, axis=1, keepdims=True)
        return ops.less_equal(places[None], last)

    def compute_output_spec(self, mask: Any) -> Any:
        return keras.KerasTensor(mask.shape, dtype="bool")


@keras.saving.register_keras_serializable("mmzoo")
class TurnAround(keras.layers.Layer):
    """Each text in the opposite order, its padding left where it is: (B, T, D), mask (B, T) bool -> (B, T, D).

    mask: True up to the end of each text. Done twice it changes nothing.
    """

    def call(self, sequence: Any, attention_mask: Any) -> Any:
        places = ops.arange(sequence.shape[1], dtype="int32")[None]
        lengths = ops.sum(ops.cast(attention_mask, "int32"), axis=1, keepdims=True)
        sources = ops.where(attention_mask, lengths - 1 - places, places)
        return ops.take_along_axis(sequence, sources[:, :, None], axis=1)

    def compute_output_shape(self, sequence_shape: Any, attention_mask_shape: Any = None) -> tuple[int | None, ...]:
        return tuple(sequence_shape)


@keras.saving.register_keras_serializable("mmzoo")
class LastPooling(keras.layers.Layer):
    """The vector at the end of each text: (B, T, D), mask (B, T) bool, True up to there -> (B, D)."""

    def call(self, sequence: Any, attention_mask: Any) -> Any:
        last = ops.sum(ops.cast(attention_mask, "int32"), axis=1) - 1
        chosen = ops.one_hot(last, sequence.shape[1], dtype=sequence.dtype)
        return ops.squeeze(ops.matmul(chosen[:, None, :], sequence), axis=1)

    def compute_output_shape(self, sequence_shape: Any, attention_mask_shape: Any = None) -> tuple[int | None, ...]:
        return (sequence_shape[0], sequence_shape[-1])


@keras.saving.register_keras_serializable("mmzoo")
class MaxPooling(keras.layers.Layer):
    """Maximum over the positions that count, of which each row has one: (B, T, D), mask (B, T) bool -> (B, D)."""

    def call(self, sequence: Any, attention_mask: Any) -> Any:
        lowest = ops.min(sequence, axis=1, keepdims=True)
        return ops.max(ops.where(attention_mask[:, :, None], sequence, lowest), axis=1)

    def compute_output_shape(self, sequence_shape: Any, attention_mask_shape: Any = None) -> tuple[int | None, ...]:
        return (sequence_shape[0], sequence_shape[-1])
