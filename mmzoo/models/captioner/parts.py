"""A captioner as three models that a loop outside can drive: what reads, what begins, and one token more."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.encoders.contract import id_range
from mmzoo.signature import Part, RawImages, RawTexts, TensorSpec


def parts_of_captioner(model: Any) -> dict[str, Part]:
    """encoder: pictures (and questions) -> sequence; prefill: sequence, the first token -> logits, context, state; decode_step:
    token, its position, context, state -> logits, next state. Every cache is a tensor by name."""
    sequence, mask = model.remember({name: tensor for name, tensor in model.input.items() if name != model.text_input})
    read = {"sequence": sequence} if mask is None else {"sequence": sequence, "sequence_mask": mask}
    reader_inputs = {name: tensor for name, tensor in model.input.items() if name != model.text_input}
    encoder = keras.Model(reader_inputs, read, name="encoder")
    begin = {name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in read.items()}
    begin["token_ids"] = keras.Input((1,), dtype="int32", name="token_ids")
    begun = Prefill(model.decoder, name="begin")(begin)
    carried = {
        name: keras.Input(x.shape[1:], dtype=x.dtype, name=name) for name, x in begun.items() if name != "logits"
    }
    again = inputs_like_step(carried)
    stepped = DecodeStep(model.decoder, name="step")(again)
    ids = (0, model.decoder.vocab_size - 1)
    ranges = {"token_ids": ids, "position": (0, model.context_length - 1)}

    def specs(inputs: dict[str, Any]) -> tuple[TensorSpec, ...]:
        return tuple(
            TensorSpec(name, (None, *tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype), ranges.get(name))
            for name, tensor in inputs.items()
        )

    return {
        "encoder": Part(encoder, _read_specs(model, reader_inputs), _raw(model)),
        "prefill": Part(keras.Model(begin, begun, name="prefill"), specs(begin), any_size=True),
        "decode_step": Part(keras.Model(again, stepped, name="decode_step"), specs(again), any_size=True),
    }


def inputs_like_step(carried: dict[str, Any]) -> dict[str, Any]:
    """The inputs of one step: a token and its place, and what was carried."""
    return {
        "token_ids": keras.Input((1,), dtype="int32", name="token_ids"),
        "position": keras.Input((), dtype="int32", name="position"),
        **carried,
    }


@keras.saving.register_keras_serializable("mmzoo")
class Prefill(keras.layers.Layer):
    """The start of a text: {sequence, sequence_mask?, token_ids (B, 1)} -> {logits (B, V), what each step needs of the sequence, the
    state after the token}."""

    def __init__(self, decoder: keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decoder = decoder
        self.built = True

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        context = self.decoder.read(inputs["sequence"], inputs.get("sequence_mask"))
        token_ids = inputs["token_ids"]
        state = self.decoder.start(context, ops.shape(token_ids)[0])
        logits, state = self.decoder.step(token_ids, 0, context, state)
        return {"logits": logits} | context | state


@keras.saving.register_keras_serializable("mmzoo")
class DecodeStep(keras.layers.Layer):
    """One token more: {token_ids (B, 1), position (B,), context, state} -> {logits (B, V), next_NAME for each tensor of the state}."""

    def __init__(self, decoder: keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decoder = decoder
        self.built = True

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        names = self.decoder.state_names
        state = {name: inputs[name] for name in names}
        context = {name: x for name, x in inputs.items() if name not in (*names, "token_ids", "position")}
        logits, state = self.decoder.step(inputs["token_ids"], inputs["position"], context, state)
        return {"logits": logits} | {f"next_{name}": x for name, x in state.items()}


def _read_specs(model: Any, inputs: dict[str, Any]) -> tuple[TensorSpec, ...]:
    images = TensorSpec("images", (None, *model.image_size, 3), "uint8", (0, 255))
    if "token_ids" not in inputs:
        return (images,)
    length = int(inputs["token_ids"].shape[1])
    return (images, TensorSpec("token_ids", (None, length), "int32", id_range(model.text_encoder)))


def _raw(model: Any) -> tuple[RawImages | RawTexts, ...]:
    raw: tuple[RawImages | RawTexts, ...] = (RawImages("images", model.image_preprocessing),)
    if model.text_encoder is not None and model.question_tokenizer is not None:
        raw += (RawTexts("token_ids", model.question_tokenizer, int(model.input["token_ids"].shape[1])),)
    return raw
