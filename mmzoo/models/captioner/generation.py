"""From pictures to texts: prompts, batches, the compiled search, and words again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from mmzoo.decoding import Decoding, Prompts, beam_search, single_search

JIT_COMPILE = True
"""Whether XLA compiles a search: its steps are hundreds of small operations, two to three times as fast on CPUs, where Keras by itself
leaves XLA out. The first call takes seconds longer."""

MOST_PROGRAMS = 8
"""Compiled searches that a model keeps, the last used: one of a transformer takes some ten megabytes."""


@dataclass(frozen=True, eq=False)
class Generated:
    """What was written about one picture.

    text: in words, "" where the model has no tokenizer; log_probability: of the tokens after the prompt, the end included, in nats;
    token_ids (T,) int32: start, prefix and all up to the end; score: what the texts of a beam search compare by, and of the others the
    log-probability with repetition_penalty;
    alternatives: the next best texts of a beam search.
    """

    text: str
    log_probability: float
    token_ids: np.ndarray
    score: float
    alternatives: tuple[Generated, ...] = ()

    def __str__(self) -> str:
        return self.text


class _Program(keras.Model):
    """Something to compile around a captioner; its inputs have the dtypes that they come with."""

    def __init__(self, model: Any, name: str) -> None:
        super().__init__(name=name, dtype="float32")
        self.autocast = False
        self.writer = model


class _Reading(_Program):
    """What the decoder looks at: the reader may hold operations that XLA has not on a CPU, such as bicubic resizing."""

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        memory, mask = self.writer.remember(inputs)
        return {"memory": memory} if mask is None else {"memory": memory, "memory_mask": mask}


class _Search(_Program):
    """The search; what is not a tensor is part of it."""

    def __init__(self, model: Any, options: Decoding, shared: int, max_tokens: int) -> None:
        super().__init__(model, "search")
        self.options, self.shared, self.max_tokens = options, shared, max_tokens
        self.jit_compile = JIT_COMPILE

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        decoder, ids = self.writer.decoder, self.writer.special_ids
        prompts = Prompts(
            inputs["prompts"], inputs["lengths"], self.shared, self.max_tokens, inputs["allowed"][0], ids.end, ids.pad
        )
        context = decoder.read(inputs["memory"], inputs.get("memory_mask"))
        if self.options.strategy == "beam":
            found = beam_search(decoder, context, prompts, self.options)
            return {name: each[:, : self.options.num_returned] for name, each in found.items()}
        found = single_search(decoder, context, prompts, self.options, inputs.get("noise"))
        return {name: each[:, None] for name, each in found.items()}


def generate(
    model: Any,
    images: Any,
    texts: Sequence[str] | None,
    options: Decoding,
    *,
    max_tokens: int | None,
    prefix: str | Sequence[str] | None,
    language: str | None,
    vocabulary: Sequence[str] | None,
    seed: int,
    batch_size: int,
) -> list[Generated]:
    """What Captioner.generate does."""
    inputs = model.reading_inputs(images, texts)
    count = len(inputs["images"])
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ValueError(f"batch_size must be an integer from 1, received {batch_size!r}")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be an integer from 0, received {seed!r}")
    prompts, lengths = _prompts(model, prefix, language, count)
    room = model.context_length - int(lengths.max(initial=1))
    if max_tokens is None:
        max_tokens = room
    if isinstance(max_tokens, bool) or not isinstance(max_tokens, (int, np.integer)) or not 0 <= max_tokens <= room:
        raise ValueError(
            f"max_tokens must be an integer from 0 to {room}, what the context of {model.context_length} tokens has room "
            f"for after the prompt, received {max_tokens!r}"
        )
    if not count:
        return []
    allowed, size = allowed_tokens(model, vocabulary), min(batch_size, count)
    if options.min_tokens and allowed.sum() < 2:
        raise ValueError(f"vocabulary must have a token to write with min_tokens={options.min_tokens}, received none")
    # As wide whatever the prefixes are: another width would be compiled anew.
    prompts = np.pad(prompts, ((0, 0), (0, room - max_tokens)), constant_values=model.special_ids.pad)
    searched = {"prompts": prompts, "lengths": lengths}
    if options.strategy == "sample":
        # A number for each picture and token, whatever the batches are.
        searched["noise"] = np.stack(
            [np.random.default_rng((seed, index)).random(max(max_tokens, 1), np.float32) for index in range(count)]
        )
    reading = _kept(model, (), lambda: _Reading(model, "reading"))
    key = (options.in_use(), int(lengths.min()), int(max_tokens))
    search = _kept(model, key, lambda: _Search(model, *key))
    batches: list[dict[str, np.ndarray]] = []
    for start in range(0, count, size):
        # Filled up with the last picture: a batch of another size would be compiled anew.
        rows = np.minimum(np.arange(start, start + size), count - 1)
        read = reading.predict_on_batch({name: each[rows] for name, each in inputs.items()})
        read |= {name: each[rows] for name, each in searched.items()}
        read["allowed"] = np.repeat(allowed[None], size, axis=0)  # predict wants as many rows of everything
        found = search.predict_on_batch(read)
        batches.append({name: np.asarray(each)[: count - start] for name, each in found.items()})
    joined = {name: np.concatenate([each[name] for each in batches]) for name in batches[0]}
    return [
        _generated(model, {name: each[row] for name, each in joined.items()}, int(lengths[row]), max_tokens)
        for row in range(count)
    ]


def _kept(model: Any, key: Any, make: Callable[[], keras.Model]) -> keras.Model:
    """What was compiled for this before, of the last few, or it anew."""
    programs = model.programs.compiled
    programs[key] = programs.pop(key, None) or make()
    while len(programs) > MOST_PROGRAMS:
        programs.pop(next(iter(programs)))
    return programs[key]


def _prompts(
    model: Any, prefix: str | Sequence[str] | None, language: str | None, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """(count, P) token ids that the texts begin with, and how many of each row are."""
    ids, tokenizer = model.special_ids, model.tokenizer
    prefixes = [prefix or ""] * count if prefix is None or isinstance(prefix, str) else list(prefix)
    if len(prefixes) != count:
        raise ValueError(f"prefix must be one text, or one for each of the {count} pictures, received {len(prefixes)}")
    rows = [[ids.start]] * count
    if any(prefixes) or language is not None:
        if tokenizer is None:
            raise ValueError("prefix and language must be None where the model has no tokenizer")
        tokens = tokenizer(prefixes, model.context_length + 2, language)
        rows = [row[: 1 + int(np.argmax(row[1:] == ids.end))].tolist() for row in tokens]  # a start may be an end, too
    longest = max(map(len, rows), default=1)
    if longest > model.context_length:
        raise ValueError(
            f"prefix must be at most {model.context_length} tokens with the start, what the model's context has room for, "
            "received a longer one"
        )
    prompts = np.full((count, longest), ids.pad, np.int32)
    for prompt, row in zip(prompts, rows, strict=True):
        prompt[: len(row)] = row
    return prompts, np.array([len(row) for row in rows], np.int32)


def allowed_tokens(model: Any, vocabulary: Sequence[str] | None = None) -> np.ndarray:
    """The tokens that may be written (vocab_size,) bool: all but the special ones, and of those the end alone."""
    ids, tokenizer = model.special_ids, model.tokenizer
    allowed = np.ones(model.decoder.vocab_size, bool)
    if vocabulary is not None:
        if tokenizer is None:
            raise ValueError("vocabulary must be None where the model has no tokenizer")
        if isinstance(vocabulary, str) or not len(vocabulary):
            raise ValueError(f"vocabulary must be a list of texts, received {vocabulary!r}")
        allowed[:] = False
        longest = max(len(text.encode()) for text in vocabulary)  # in bytes, which are at least as many as tokens
        allowed[np.unique(tokenizer(list(vocabulary), longest + 4))] = True
    allowed[[ids.start, ids.pad]] = False
    if tokenizer is not None:
        special = [tokenizer.mask_id, *tokenizer.language_ids.values()]
        allowed[[each for each in special if each is not None]] = False
        allowed[tokenizer.vocab_size :] = False
    allowed[ids.end] = True
    return allowed


def _generated(model: Any, found: dict[str, np.ndarray], prompt: int, max_tokens: int) -> Generated:
    """What was found for one picture, (num_returned, ...) each, the best first, after so many tokens of a prompt."""
    some: list[Generated] = []
    for ids, log_probability, score in zip(
        found["token_ids"], found["log_probabilities"], found["scores"], strict=True
    ):
        if score > -1e8 or not some:
            some.append(_one(model, ids[: prompt + max_tokens], prompt, float(log_probability), float(score)))
    return dataclasses.replace(some[0], alternatives=tuple(some[1:]))


def _one(model: Any, token_ids: np.ndarray, prompt: int, log_probability: float, score: float) -> Generated:
    ends = np.flatnonzero(token_ids[prompt:] == model.special_ids.end)
    token_ids = token_ids[: prompt + ends[0] + 1 if len(ends) else None].astype(np.int32)
    text = "" if model.tokenizer is None else model.tokenizer.decode(token_ids[None])[0]
    return Generated(text, log_probability, token_ids, score)
