"""Which pairs of a batch are hard to tell from matching ones."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.layers.masking import seed_of

_NEVER = -1e9


@keras.saving.register_keras_serializable("mmzoo")
class HardNegatives(keras.layers.Layer):
    """Draws a wrong text for each picture and a wrong picture for each text, the more similar the likelier (ALBEF,
    arXiv:2107.07651, section 3.2).

    seed: in training each call draws others; without training every call draws the same.
    call(logits (B, B), scaled similarities with pictures in rows, all equal for an even draw; same (B, B) bool, pairs that match and
    are never drawn) -> {"texts" (B,) int, for each picture; "images" (B,) int, for each text; "found" (B,) bool, False where every
    pair of a row matches and the draw means nothing}. No gradient passes.
    """

    def __init__(self, *, seed: int = 0, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"  # half precision would round the similarities on their way in
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, logits: Any, same: Any, training: bool | None = None) -> dict[str, Any]:
        logits = ops.where(same, _NEVER, ops.stop_gradient(ops.cast(logits, "float32")))
        texts = keras.random.categorical(logits, 1, dtype="int32", seed=seed_of(self, training, 0))
        images = keras.random.categorical(ops.transpose(logits), 1, dtype="int32", seed=seed_of(self, training, 1))
        return {"texts": texts[:, 0], "images": images[:, 0], "found": ops.logical_not(ops.all(same, axis=1))}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"seed": self.seed}
