"""One text at a time for each prompt: greedy decoding and sampling."""

from __future__ import annotations

from typing import Any

from keras import ops

from mmzoo.decoding.choosing import adjust, draw
from mmzoo.decoding.options import Decoding
from mmzoo.decoding.prompts import Prompts


def single_search(
    decoder: Any, context: dict[str, Any], prompts: Prompts, options: Decoding, noise: Any = None
) -> dict[str, Any]:
    """Goes on with each prompt token by token until all have ended.

    noise (B, max_tokens) float32 in [0, 1): what "sample" draws with; None is greedy.
    -> token_ids (B, length) int32; log_probabilities (B,) float32, the sum over the chosen tokens, in nats, as the model has them
    before anything is adjusted; scores (B,) float32, the sum after.
    """
    ids, rows, length = prompts.rows(), ops.shape(prompts.token_ids)[0], prompts.length
    nothing = ops.zeros((rows,), "float32")
    if not prompts.max_tokens:
        return {"token_ids": ids, "log_probabilities": nothing, "scores": nothing}
    state = decoder.start(context)
    if prompts.shared > 1:
        _, state = decoder.step(ids[:, : prompts.shared - 1], 0, context, state)
    tracks = options.repetition_penalty != 1
    variables: dict[str, Any] = {
        "place": ops.convert_to_tensor(prompts.shared, "int32"),
        "token_ids": ids,
        "state": state,
        "ended": ops.zeros((rows,), "bool"),
        "log_probabilities": nothing,
        "scores": nothing,
    }
    if tracks:
        variables["seen"] = seen_in(ids[:, : prompts.shared], decoder.vocab_size)

    def goes_on(now: dict[str, Any]) -> Any:
        return ops.logical_and(now["place"] < length, ops.logical_not(ops.all(now["ended"])))

    def one_token(now: dict[str, Any]) -> tuple[dict[str, Any]]:
        place, ids = now["place"], now["token_ids"]
        before, here = column(ids, place - 1), column(ids, place)
        logits, state = decoder.step(before[:, None], place - 1, context, now["state"])
        scores, count = ops.log_softmax(logits, axis=-1), place - prompts.lengths
        adjusted = adjust(scores, now.get("seen"), count, options, prompts)
        token = _likeliest(adjusted) if noise is None else draw(adjusted, _noise(noise, count), options)
        is_chosen = ops.logical_and(count >= 0, ops.logical_not(now["ended"]))
        token = ops.where(is_chosen, token, here)
        ends = ops.logical_or(token == prompts.end_id, count + 1 >= prompts.max_tokens)
        after = now | {
            "place": place + 1,
            "token_ids": ops.where(ops.arange(length)[None, :] == place, token[:, None], ids),
            "state": state,
            "ended": ops.logical_or(now["ended"], ops.logical_and(is_chosen, ends)),
            "log_probabilities": now["log_probabilities"] + ops.where(is_chosen, _of(scores, token), 0.0),
            "scores": now["scores"] + ops.where(is_chosen, _of(adjusted, token), 0.0),
        }
        if tracks:
            after["seen"] = ops.logical_or(now["seen"], seen_in(token[:, None], decoder.vocab_size))
        return (after,)

    (done,) = ops.while_loop(goes_on, one_token, (variables,))
    return {name: done[name] for name in ("token_ids", "log_probabilities", "scores")}


def column(ids: Any, place: Any) -> Any:
    """The tokens (rows,) at a place of rows of ids (rows, T)."""
    return ops.take(ids, place, axis=1)


def seen_in(ids: Any, vocab_size: int) -> Any:
    """Which tokens (rows, vocab_size) are in rows of ids (rows, T), bool."""
    return ops.any(ids[:, :, None] == ops.arange(vocab_size, dtype="int32"), axis=1)


def _of(scores: Any, token: Any) -> Any:
    """The scores (rows,) of a token each."""
    return ops.take_along_axis(scores, token[:, None], axis=-1)[:, 0]


def _likeliest(scores: Any) -> Any:
    return ops.cast(ops.argmax(scores, axis=-1), "int32")


def _noise(noise: Any, count: Any) -> Any:
    """Each row's number for its token of this count, so that a longer prompt beside it changes nothing."""
    return ops.take_along_axis(noise, ops.clip(count, 0, noise.shape[1] - 1)[:, None], axis=1)[:, 0]
