"""The tokens that begin, end and fill a text."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import ops

from mmzoo.tokenizer import Tokenizer


class SpecialIds(NamedTuple):
    """Ids of the tokens that begin, end and fill a text; by default those of Tokenizer.train."""

    start: int = 1
    end: int = 3
    pad: int = 0

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> SpecialIds:
        """A tokenizer's. Raises ValueError where its file names none to begin or end with."""
        return cls(tokenizer.start_id, tokenizer.end_id, tokenizer.pad_id)


def is_text(token_ids: Any, special_ids: SpecialIds) -> Any:
    """As written, of texts with their start, which may be the end token, too (GPT-2's)."""
    after = written(token_ids[:, 1:], special_ids)
    return ops.concatenate([ops.ones_like(after[:, :1]), after], axis=1)


def written(token_ids: Any, special_ids: SpecialIds) -> Any:
    """True (B, T) from the first token to the first end, the end included; the pad may be the end once more, as CLIP's is."""
    is_end = ops.cast(ops.equal(token_ids, special_ids.end), "int32")
    before = ops.cumsum(is_end, axis=1) - is_end
    is_text = ops.equal(before, 0)
    if special_ids.pad != special_ids.end:
        is_text = ops.logical_and(is_text, ops.not_equal(token_ids, special_ids.pad))
    return is_text
