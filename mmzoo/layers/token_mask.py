"""Which positions of a row of token ids are text."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

MASK_RULES = ("none", "pad_id", "after_first_eos")


@keras.saving.register_keras_serializable("mmzoo")
class TokenMask(keras.layers.Layer):
    """Which positions count as text: token_ids (B, T) -> (B, T) bool.

    rule: "none" all of them (causal CLIP, where padding comes after what is read, and SigLIP, which attends to it); "pad_id" those
    that differ from pad_id; "after_first_eos" those up to the first end_id, for a pad that equals the end token or a real one.
    Raises ValueError for an unknown rule, or one without the id it needs.
    """

    def __init__(
        self, rule: str = "none", *, pad_id: int | None = None, end_id: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if rule not in MASK_RULES:
            raise ValueError(f"mask_rule must be one of {', '.join(MASK_RULES)}, received {rule!r}")
        needed = {"none": 0, "pad_id": pad_id, "after_first_eos": end_id}[rule]
        if needed is None:
            raise ValueError(f"mask_rule {rule!r} needs {'pad_id' if rule == 'pad_id' else 'end_id'}, received None")
        self.rule, self.pad_id, self.end_id = rule, pad_id, end_id

    def call(self, token_ids: Any) -> Any:
        if self.rule == "pad_id":
            return ops.not_equal(token_ids, self.pad_id)
        if self.rule == "none":
            return ops.ones_like(token_ids, dtype="bool")
        ends = ops.cast(ops.equal(token_ids, self.end_id), "int32")
        return ops.equal(ops.cumsum(ends, axis=1) - ends, 0)

    def compute_output_spec(self, token_ids: Any) -> Any:
        return keras.KerasTensor(token_ids.shape, dtype="bool")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rule": self.rule, "pad_id": self.pad_id, "end_id": self.end_id}
