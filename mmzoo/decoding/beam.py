"""Several texts at a time for each prompt: beam search."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.decoding.choosing import IMPOSSIBLE, adjust
from mmzoo.decoding.options import Decoding
from mmzoo.decoding.prompts import Prompts
from mmzoo.decoding.single import column, seen_in, single_search

_LOST = IMPOSSIBLE / 2


def beam_search(decoder: Any, context: dict[str, Any], prompts: Prompts, options: Decoding) -> dict[str, Any]:
    """Goes on with the K = num_beams likeliest beginnings of each text, and keeps the K best texts that ended (arXiv:1609.08144,
    section 7). A prompt is left when none of its beginnings can still become better than the worst of them.

    -> token_ids (B, K, length) int32, the best first; log_probabilities (B, K) float32 as single_search's, and scores (B, K), what
    they are ordered by; -1e9 where fewer than K texts are possible. One beam is single_search.
    """
    if options.num_beams == 1:
        return _alone(single_search(decoder, context, prompts, options), prompts, options)
    rows, length, beams = ops.shape(prompts.token_ids)[0], prompts.length, options.num_beams
    vocab_size = decoder.vocab_size
    ids = ops.repeat(prompts.rows()[:, None], beams, axis=1)
    state = decoder.start(context, beams)
    if prompts.shared > 1:
        _, state = decoder.step(_flat(ids[:, :, : prompts.shared - 1]), 0, context, state, beams)
    lengths, first = prompts.lengths[:, None], ops.where(ops.arange(beams) == 0, 0.0, IMPOSSIBLE)
    tracks = options.repetition_penalty != 1
    nothing = {
        "token_ids": ids,
        "scores": ops.zeros((rows, beams), "float32") + IMPOSSIBLE,
        "log_probabilities": ops.zeros((rows, beams), "float32"),
    }
    variables: dict[str, Any] = {
        "place": ops.convert_to_tensor(prompts.shared, "int32"),
        "live": nothing | {"scores": ops.zeros((rows, 1), "float32") + first},
        "ended": nothing,
        "state": state,
    }
    if tracks:
        variables["seen"] = seen_in(_flat(ids[:, :, : prompts.shared]), vocab_size)

    def goes_on(now: dict[str, Any]) -> Any:
        count = ops.maximum(now["place"] - prompts.lengths, 0)
        # Log-probabilities only fall: a beginning's best end is at the length that divides its sum by most.
        best_length = prompts.max_tokens if options.length_penalty > 0 else count + 1
        attainable = now["live"]["scores"][:, 0] / _divisor(best_length, options)
        worst = ops.min(now["ended"]["scores"], axis=1)
        may_improve = ops.logical_and(attainable > worst, now["live"]["scores"][:, 0] > _LOST)
        return ops.logical_and(now["place"] < length, ops.any(may_improve))

    def one_token(now: dict[str, Any]) -> tuple[dict[str, Any]]:
        place, live = now["place"], now["live"]
        logits, state = decoder.step(
            column(_flat(live["token_ids"]), place - 1)[:, None], place - 1, context, now["state"], beams
        )
        scores, count = ops.log_softmax(logits, axis=-1), place - lengths
        adjusted = adjust(scores, now.get("seen"), ops.repeat(count[:, 0], beams), options, prompts)
        gained, plain = _by_row(adjusted, beams), _by_row(scores, beams)
        forced = ops.take(prompts.rows(), place, axis=1)[:, None, None]
        given = ops.where(ops.arange(vocab_size) == forced, 0.0, IMPOSSIBLE)
        in_prompt = (count < 0)[:, :, None]
        gained, plain = ops.where(in_prompt, given, gained), ops.where(in_prompt, 0.0, plain)

        origin, token, scores = _best(live["scores"][:, :, None] + gained, 2 * beams)
        plain = ops.take_along_axis(ops.reshape(plain, (rows, -1)), origin * vocab_size + token, axis=1)
        texts = _pick(live["token_ids"], origin)
        candidates = {
            "token_ids": ops.where(ops.arange(length) == place, token[:, :, None], texts),
            "scores": scores,
            "log_probabilities": _pick(live["log_probabilities"], origin) + plain,
        }
        ends = ops.logical_and(count >= 0, ops.logical_or(token == prompts.end_id, count + 1 >= prompts.max_tokens))
        ended = candidates | {
            "scores": ops.where(
                ops.logical_and(ends, scores > _LOST),
                scores / _divisor(ops.maximum(count + 1, 1), options),
                IMPOSSIBLE,
            )
        }
        ended = keras.tree.map_structure(lambda a, b: ops.concatenate([a, b], axis=1), now["ended"], ended)
        _, kept = ops.top_k(ended["scores"], beams)
        _, going = ops.top_k(ops.where(ends, IMPOSSIBLE, scores), beams)
        goes = ops.where(ends, IMPOSSIBLE, scores)
        origin = ops.take_along_axis(origin, going, axis=1)
        places = ops.reshape(ops.arange(rows)[:, None] * beams + origin, (-1,))
        after = now | {
            "place": place + 1,
            "live": {name: _pick(each, going) for name, each in (candidates | {"scores": goes}).items()},
            "ended": {name: _pick(each, kept) for name, each in ended.items()},
            "state": {name: ops.take(each, places, axis=0) for name, each in state.items()},
        }
        if tracks:
            token = ops.reshape(ops.take_along_axis(token, going, axis=1), (-1, 1))
            after["seen"] = ops.logical_or(ops.take(now["seen"], places, axis=0), seen_in(token, vocab_size))
        return (after,)

    if not prompts.max_tokens:
        return variables["live"]  # there is nothing to choose
    (done,) = ops.while_loop(goes_on, one_token, (variables,))
    return done["ended"]


def _alone(found: dict[str, Any], prompts: Prompts, options: Decoding) -> dict[str, Any]:
    ids = found["token_ids"]
    places = ops.arange(ids.shape[1])[None, :] - prompts.lengths[:, None]
    is_end = ops.cast(ops.logical_and(ids == prompts.end_id, places >= 0), "int32")
    ended = ops.cumsum(is_end, axis=1) - is_end > 0
    chosen = ops.logical_and(ops.logical_and(places >= 0, places < prompts.max_tokens), ops.logical_not(ended))
    tokens = ops.maximum(ops.sum(ops.cast(chosen, "int32"), axis=1), 1)
    scores = found["scores"] / _divisor(tokens, options)
    return {name: each[:, None] for name, each in (found | {"scores": scores}).items()}


def _divisor(tokens: Any, options: Decoding) -> Any:
    return ops.power(ops.cast(tokens, "float32"), options.length_penalty)


def _best(scores: Any, count: int) -> tuple[Any, Any, Any]:
    """The best of (B, K, V): their beams, tokens and scores, each (B, count), or fewer where there are fewer."""
    rows, beams, vocab_size = ops.shape(scores)[0], scores.shape[1], scores.shape[2]
    each = min(count, vocab_size)
    values, tokens = ops.top_k(scores, each)
    values, places = ops.top_k(ops.reshape(values, (rows, beams * each)), min(count, beams * each))
    token = ops.take_along_axis(ops.reshape(tokens, (rows, beams * each)), places, axis=1)
    return ops.cast(places // each, "int32"), ops.cast(token, "int32"), values


def _pick(x: Any, chosen: Any) -> Any:
    """x (B, K, ...) at chosen (B, N) of its second axis."""
    index = ops.reshape(chosen, (*ops.shape(chosen), *[1] * (len(x.shape) - 2)))
    return ops.take_along_axis(x, ops.cast(index, "int32"), axis=1)


def _flat(x: Any) -> Any:
    """(B, K, T) -> (B K, T)."""
    return ops.reshape(x, (-1, x.shape[2]))


def _by_row(x: Any, beams: int) -> Any:
    """(B K, V) -> (B, K, V)."""
    return ops.reshape(x, (-1, beams, x.shape[1]))
