"""What stands for a picture or a text that is not there."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("mmzoo")
class Absent(keras.layers.Layer):
    """Puts a learned vector in the place of a modality that is missing.

    call(encoded = {"sequence" (B, N, Ds), "pooled" (B, Dp)[, "mask" (B, N) bool]}, present (B,) bool) -> the same dictionary. Where
    present is False, pooled is the learned vector, sequence is zero and mask False; so too where a mask is all False, which is a caption
    of padding alone. Without `present` everything else is there.
    """

    def build(self, encoded_shape: Any, present_shape: Any = None) -> None:
        small = keras.initializers.RandomNormal(stddev=0.02)
        self.vector = self.add_weight(name="vector", shape=(encoded_shape["pooled"][-1],), initializer=small)
        self.built = True

    def call(self, encoded: Any, present: Any = None) -> Any:
        sequence, pooled, mask = encoded["sequence"], encoded["pooled"], encoded.get("mask")
        here = ops.ones_like(pooled[:, 0], dtype="bool") if present is None else ops.cast(present, "bool")
        if mask is not None:
            here = ops.logical_and(here, ops.any(mask, axis=1))
        filled = {
            "sequence": ops.where(here[:, None, None], sequence, ops.zeros((), sequence.dtype)),
            "pooled": ops.where(here[:, None], pooled, ops.cast(self.vector, pooled.dtype)),
        }
        return filled if mask is None else filled | {"mask": ops.logical_and(here[:, None], mask)}


@keras.saving.register_keras_serializable("mmzoo")
class StandIn(keras.layers.Layer):
    """In training, puts pictures of the batch in the places of those that are missing: images (B, ...), present (B,) bool -> (B, ...).

    A batch normalisation mixes whatever holds such a place, say a black picture, into its statistics and so into the pictures that are
    there. Those now hold it in turn, so that some of them weigh once more than others; where none is there, the first row does.
    Without training no example depends on another, and the images come out as they went in.
    """

    def call(self, images: Any, present: Any, training: bool | None = None) -> Any:
        if not training:
            return images
        here = ops.cast(present, "bool")
        places = ops.arange(ops.shape(images)[0], dtype="int32")
        count = ops.sum(ops.cast(here, "int32"))
        there_first = ops.argsort(ops.where(here, places, places + ops.shape(images)[0]))
        turn = ops.mod(ops.cumsum(ops.cast(ops.logical_not(here), "int32")) - 1, ops.maximum(count, 1))
        return ops.take(images, ops.where(here, places, ops.cast(ops.take(there_first, turn), "int32")), axis=0)

    def compute_output_shape(self, images_shape: Any, present_shape: Any = None) -> tuple[int | None, ...]:
        return tuple(images_shape)
