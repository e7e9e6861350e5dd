"""From log-probabilities to what may be chosen, and to what is drawn."""

from __future__ import annotations

from typing import Any

from keras import ops

from mmzoo.decoding.options import Decoding
from mmzoo.decoding.prompts import Prompts

IMPOSSIBLE = -1e9


def adjust(scores: Any, seen: Any, chosen: Any, options: Decoding, prompts: Prompts) -> Any:
    """Log-probabilities (rows, V) with what may not be chosen at -1e9 and what was there lowered.

    seen (rows, V) bool: tokens that are there, None where nothing asks. chosen (rows,): how many tokens were chosen before.
    """
    if seen is not None:
        scores = ops.where(seen, scores * options.repetition_penalty, scores)
    scores = ops.where(prompts.allowed, scores, IMPOSSIBLE)
    if options.min_tokens:
        is_end = ops.arange(scores.shape[-1]) == prompts.end_id
        too_early = (chosen < options.min_tokens)[:, None]
        scores = ops.where(ops.logical_and(too_early, is_end[None, :]), IMPOSSIBLE, scores)
    return scores


def draw(scores: Any, uniform: Any, options: Decoding) -> Any:
    """One token a row, drawn from adjusted scores (rows, V) with a number (rows,) in [0, 1): the same number, the same token.

    The number is looked up among the running sums of the probabilities, likeliest first where top_k or top_p ask for an order.
    """
    scores = scores / options.temperature
    ordered = options.top_k is not None or options.top_p < 1
    if ordered:
        count = scores.shape[-1] if options.top_k is None else min(options.top_k, scores.shape[-1])
        scores, tokens = ops.top_k(scores, count)
    probabilities = ops.softmax(scores, axis=-1)
    sums = ops.cumsum(probabilities, axis=-1)
    if options.top_p < 1:
        probabilities = ops.where(sums - probabilities < options.top_p, probabilities, 0.0)
        sums = ops.cumsum(probabilities, axis=-1)
    # Up to the last sum, which rounding leaves a little beside 1; what is impossible has the sum of the one before it.
    place = ops.sum(ops.cast(sums <= uniform[:, None] * sums[:, -1:], "int32"), axis=-1)
    last = ops.max(ops.where(probabilities > 0, ops.arange(probabilities.shape[-1], dtype="int32"), 0), axis=-1)
    place = ops.minimum(place, last)
    return ops.cast(ops.take_along_axis(tokens, place[:, None], axis=-1)[:, 0] if ordered else place, "int32")
