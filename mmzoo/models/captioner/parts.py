"""A captioner as three models that a loop outside can drive: what reads, what begins, and one token more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.decoding import Decoding, Prompts, single_search
from mmzoo.encoders.contract import images_spec, token_ids_spec
from mmzoo.models.captioner.generation import allowed_tokens
from mmzoo.signature import LOGITS, Part, RawImages, RawTexts, RawWords, TensorSpec, Writing


def parts_of_captioner(model: Any) -> dict[str, Part]:
    """The models of a loop outside, each with B first, every cache a tensor with a name; and the loop itself, for SavedModels.

    encoder: images (B, H, W, 3) uint8, and token_ids (B, T) of the question -> sequence (B, S, C), sequence_mask where there is one.
    prefill: those outputs, and the first token (B, 1) -> logits (B, V) float32, what every step needs of the sequence, the state.
    decode_step: a token (B, 1), its position (B,), and what prefill gave -> logits, next_NAME for each tensor of the state.
    caption_image_bytes: pictures as files, and questions as strings -> captions, strings, the likeliest token each time.
    """
    reader_inputs = {name: tensor for name, tensor in model.input.items() if name != model.text_input}
    sequence, mask = model.remember(reader_inputs)
    read = {"sequence": sequence} if mask is None else {"sequence": sequence, "sequence_mask": mask}
    encoder = keras.Model(reader_inputs, read, name="encoder")
    token = keras.Input((1,), dtype="int32", name="token_ids")
    begin = {"token_ids": token, **_inputs_like(read)}
    begun = Prefill(model.decoder, name="begin")(begin)
    carried = {name: tensor for name, tensor in begun.items() if name != LOGITS}
    again = {"token_ids": token, "position": keras.Input((), dtype="int32", name="position"), **_inputs_like(carried)}
    stepped = DecodeStep(model.decoder, name="step")(again)
    first = {"token_ids": (model.special_ids.start,) * 2}
    ranges = {"token_ids": (0, model.decoder.vocab_size - 1), "position": (0, model.context_length - 1)}
    specs, raw, writing = _reader_specs(model, reader_inputs), _raw(model, reader_inputs), writing_of(model)
    prefill, decode_step = keras.Model(begin, begun, name="prefill"), keras.Model(again, stepped, name="decode_step")
    captions = {"captions": Greedy(model.decoder, writing, name="greedy")(read)}
    whole = keras.Model(reader_inputs, captions, name="caption")
    return {
        "encoder": Part(encoder, specs, raw, any_size=True),
        "prefill": Part(prefill, _specs(begin, first), any_size=True, writing=writing),
        "decode_step": Part(decode_step, _specs(again, ranges), any_size=True, writing=writing),
        "caption_image_bytes": Part(whole, specs, raw, raw_output=RawWords("captions", model.tokenizer)),
    }


def writing_of(model: Any) -> Writing:
    """What a loop must know to write as Captioner.generate does."""
    start, end, pad = model.special_ids
    unwritten = tuple(np.flatnonzero(~allowed_tokens(model)).tolist())
    languages = {} if model.tokenizer is None else dict(model.tokenizer.language_ids)
    return Writing(start, end, pad, model.context_length, unwritten, languages)


class Prefill(keras.layers.Layer):
    """The start of a text: what the encoder gave and the first token -> logits, the decoder's context, the state after the token."""

    def __init__(self, decoder: keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decoder = decoder
        self.built = True

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        context = self.decoder.read(inputs["sequence"], inputs.get("sequence_mask"))
        token_ids = inputs["token_ids"]
        state = self.decoder.start(context)
        logits, state = self.decoder.step(token_ids, 0, context, state)
        return {LOGITS: logits} | context | state


class DecodeStep(keras.layers.Layer):
    """One token more: the token, its position, the decoder's context and state -> logits, and the state as next_NAME."""

    def __init__(self, decoder: keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decoder = decoder
        self.built = True

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        names = self.decoder.state_names
        state = {name: inputs[name] for name in names}
        context = {name: x for name, x in inputs.items() if name not in (*names, "token_ids", "position")}
        logits, state = self.decoder.step(inputs["token_ids"], inputs["position"], context, state)
        return {LOGITS: logits} | {f"next_{name}": x for name, x in state.items()}


class Greedy(keras.layers.Layer):
    """The whole loop: what the encoder gave -> token ids (B, context_length) int32, as Captioner.generate writes them."""

    def __init__(self, decoder: keras.layers.Layer, writing: Writing, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decoder, self.writing = decoder, writing
        self.built = True

    def call(self, read: dict[str, Any]) -> Any:
        context, writing = self.decoder.read(read["sequence"], read.get("sequence_mask")), self.writing
        rows, allowed = ops.shape(read["sequence"])[0], np.ones(self.decoder.vocab_size, bool)
        allowed[list(writing.unwritten_ids)] = False
        start, ones = ops.full((rows, 1), writing.start_id, "int32"), ops.ones((rows,), "int32")
        room = writing.context_length - 1
        prompts = Prompts(start, ones, 1, room, allowed, writing.end_id, writing.pad_id)
        return single_search(self.decoder, context, prompts, Decoding())["token_ids"]


def _inputs_like(tensors: Mapping[str, Any]) -> dict[str, Any]:
    return {name: keras.Input(x.shape[1:], dtype=x.dtype, name=name) for name, x in tensors.items()}


def _specs(inputs: Mapping[str, Any], ranges: Mapping[str, tuple[int, int]]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name, (None, *tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype), ranges.get(name))
        for name, tensor in inputs.items()
    )


def _reader_specs(model: Any, inputs: Mapping[str, Any]) -> tuple[TensorSpec, ...]:
    texts = (token_ids_spec(model.text_encoder),) if "token_ids" in inputs else ()
    return (images_spec(model.image_size), *texts)


def _raw(model: Any, inputs: Mapping[str, Any]) -> tuple[RawImages | RawTexts, ...]:
    pictures = RawImages("images", model.image_preprocessing)
    if "token_ids" not in inputs or model.question_tokenizer is None:
        return (pictures,)
    return pictures, RawTexts("token_ids", model.question_tokenizer, int(inputs["token_ids"].shape[1]))
