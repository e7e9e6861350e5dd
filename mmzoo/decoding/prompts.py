"""What texts begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops


@dataclass(frozen=True)
class Prompts:
    """The tokens that B texts begin with, and how far the texts may go.

    token_ids (B, P) int32, each row at least `shared` tokens, then padding; lengths (B,) int32. shared: the least length, known
    before anything is computed. max_tokens: the most that are chosen for each text, the end included. allowed (vocab_size,) bool:
    the tokens that may be chosen. end_id ends a text, pad_id fills the rest.
    """

    token_ids: Any
    lengths: Any
    shared: int
    max_tokens: int
    allowed: Any
    end_id: int
    pad_id: int

    @property
    def length(self) -> int:
        """Of the longest text that can be written, prompt included."""
        return int(self.token_ids.shape[1]) + self.max_tokens

    def rows(self) -> Any:
        """The texts (B, length) before anything is chosen, padded."""
        ids = ops.cast(self.token_ids, "int32")
        here = ops.arange(ids.shape[1])[None, :] < self.lengths[:, None]
        ids = ops.where(here, ids, self.pad_id)
        return ops.pad(ids, ((0, 0), (0, self.max_tokens)), constant_values=self.pad_id)
