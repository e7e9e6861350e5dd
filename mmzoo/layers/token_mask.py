"""Which positions of a row of token ids are text."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

MASK_RULES = ("none", "pad_id", "after_first_eos")


@keras.saving.register_keras_serializable("mmzoo")
class TokenMask(keras.layers.Layer):
    """Which positions count as text: token_ids (B, T) -> (B, T) bool.

    rule: "none" all of them (causal CLIP, where padding comes after what is read: UpToEnd; and SigLIP, which attends to it); "pad_id" those
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
        return _up_to_first(ops.equal(token_ids, self.end_id))

    def compute_output_spec(self, token_ids: Any) -> Any:
        return keras.KerasTensor(token_ids.shape, dtype="bool")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rule": self.rule, "pad_id": self.pad_id, "end_id": self.end_id}


@keras.saving.register_keras_serializable("mmzoo")
class UpToEnd(keras.layers.Layer):
    """What of a mask stands no later than the end of the text: token_ids (B, T), mask (B, T) bool -> (B, T) bool.

    end_id: of the end token, which is text itself; None takes the highest id of each row, as EndOfTextPooling does. A row without an
    end token is text to its last position.
    """

    def __init__(self, end_id: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.end_id = end_id

    def call(self, token_ids: Any, attention_mask: Any) -> Any:
        end = ops.max(token_ids, axis=1, keepdims=True) if self.end_id is None else self.end_id
        return ops.logical_and(attention_mask, _up_to_first(ops.equal(token_ids, end)))

    def compute_output_spec(self, token_ids: Any, attention_mask: Any) -> Any:
        return keras.KerasTensor(token_ids.shape, dtype="bool")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"end_id": self.end_id}


def _up_to_first(ends: Any) -> Any:
    """The positions up to the first that is True, or all where none is: (B, T) bool -> (B, T) bool."""
    ends = ops.cast(ends, "int32")
    return ops.equal(ops.cumsum(ends, axis=1) - ends, 0)
