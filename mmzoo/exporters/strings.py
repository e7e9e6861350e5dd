"""Tokenizers inside written files: put there, and held against tokenizer.json on strings of all scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mmzoo.exporters.tokens import (
    TokenDifferenceError,
    compare_tokens,
    fuzz_corpus,
    onnx_tokenizer,
)
from mmzoo.exporters.tokens.classes import StringClass
from mmzoo.exporters.tokens.onnx.files import CANNOT_FOLLOW, TEXTS
from mmzoo.signature import RawTexts
from mmzoo.tokenizer import Tokenizer

COMPARED = 1_000  # strings an export compares; bench/export.py compares 10,000


Run = Callable[[list[str]], np.ndarray]


def tokenizer_in_graph(
    texts: RawTexts, *, allow_differences: bool = False
) -> tuple[Callable[[Any], Any], tuple[str, ...]]:
    """A function of TensorFlow operations from strings to token ids, and the classes of strings on which it differs.

    Raises TokenDifferenceError where it gives other ids than tokenizer.json, unless that is allowed; ValueError for a
    tokenizer that has no form in a graph.
    """
    from mmzoo.exporters.tokens.tensorflow import tensorflow_tokenizer

    tokenize = tensorflow_tokenizer(texts.tokenizer, texts.length)
    return tokenize, _differences(texts, _in_tensorflow(tokenize), (), allow_differences)


def texts_in_graph(tokenizer: Tokenizer) -> Callable[[Any], Any]:
    """A function of TensorFlow operations from token ids (B, T), the start first, to strings, as tokenizer.decode gives them.

    Every token is compared, as the first of a text and behind another, and so are texts of random tokens. Raises ValueError where
    one differs, and for a tokenizer whose texts have no form in a graph.
    """
    import tensorflow as tf

    from mmzoo.exporters.tokens.tensorflow import tensorflow_texts

    texts = tensorflow_texts(tokenizer)
    traced = tf.function(texts, autograph=False, input_signature=[tf.TensorSpec((None, None), tf.int32)])
    every, generator = np.arange(tokenizer.vocab_size), np.random.default_rng(0)
    drawn = generator.integers(0, tokenizer.vocab_size, (COMPARED, 16))
    for rows in (every[:, None], np.stack([generator.permutation(every), every], axis=1), drawn):
        ids = np.pad(rows, ((0, 0), (1, 0)), constant_values=tokenizer.start_id).astype(np.int32)
        found = [text.decode() for text in traced(ids).numpy()]
        for row, text, expected in zip(ids, found, tokenizer.decode(ids), strict=True):
            if text != expected:
                raise ValueError(
                    f"texts in a graph must be those of tokenizer.json, received {text!r:.80} for {expected!r:.80}, the "
                    f"tokens {row[1:].tolist()}"
                )
    return texts


def onnx_differences(texts: RawTexts, *, allow_differences: bool = False) -> tuple[str, ...]:
    """The classes of strings on which the tokenizer that add_tokenizer puts into ONNX files differs.

    Raises TokenDifferenceError and ValueError as above, ImportError without onnxruntime-extensions.
    """
    return _differences(texts, _in_onnxruntime(texts), CANNOT_FOLLOW, allow_differences)


def agreeing(texts: RawTexts, strings: Sequence[str]) -> list[str]:
    """Those of the strings whose ids are tokenizer.json's in both forms.

    Raises ValueError where there is none.
    """
    from mmzoo.exporters.tokens.tensorflow import tensorflow_tokenizer

    kept = list(strings)
    for run in (_in_tensorflow(tensorflow_tokenizer(texts.tokenizer, texts.length)), _in_onnxruntime(texts)):
        same = (run(kept) == texts.tokenizer(kept, texts.length)).all(axis=1)
        kept = [text for text, is_same in zip(kept, same, strict=True) if is_same]
        if not kept:
            raise ValueError(
                f"a tokenizer in a graph must give some of {len(strings)} strings its own ids, received none"
            )
    return kept


def _in_tensorflow(tokenize: Callable[[Any], Any]) -> Run:
    import tensorflow as tf

    traced = tf.function(tokenize, autograph=False, input_signature=[tf.TensorSpec((None,), tf.string)])
    return lambda strings: traced(tf.constant(strings)).numpy()


def _in_onnxruntime(texts: RawTexts) -> Run:
    import onnxruntime
    import onnxruntime_extensions

    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    content = onnx_tokenizer(texts.tokenizer, texts.length).SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(strings: list[str]) -> np.ndarray:
        ids: np.ndarray = session.run(None, {TEXTS: np.array(strings, object)})[0]
        return ids

    return run


def _differences(
    texts: RawTexts,
    run: Run,
    cannot_follow: Sequence[StringClass],
    allowed: bool,
) -> tuple[str, ...]:
    """Names of the classes of strings on which a form differs: those it declares, and those that were found."""
    found = compare_tokens(texts.tokenizer, texts.length, run, fuzz_corpus(COMPARED), cannot_follow=cannot_follow)
    if found.differing and not allowed:
        raise TokenDifferenceError(found)
    return tuple(dict.fromkeys((*(each.name for each in cannot_follow), *found.classes)))
