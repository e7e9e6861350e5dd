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

COMPARED = 1_000  # strings an export compares; bench/export.py compares 10,000


def tokenizer_in_graph(
    texts: RawTexts, *, allow_differences: bool = False
) -> tuple[Callable[[Any], Any], tuple[str, ...]]:
    """A function of TensorFlow operations from strings to token ids, and the classes of strings on which it differs.

    Raises TokenDifferenceError where it gives other ids than tokenizer.json, unless that is allowed; ValueError for a
    tokenizer that has no form in a graph.
    """
    import tensorflow as tf

    from mmzoo.exporters.tokens.tensorflow import tensorflow_tokenizer

    tokenize = tensorflow_tokenizer(texts.tokenizer, texts.length)
    traced = tf.function(tokenize, autograph=False, input_signature=[tf.TensorSpec((None,), tf.string)])
    differs_on = _differences(texts, lambda strings: traced(tf.constant(strings)).numpy(), (), allow_differences)
    return tokenize, differs_on


def onnx_differences(texts: RawTexts, *, allow_differences: bool = False) -> tuple[str, ...]:
    """The classes of strings on which the tokenizer that add_tokenizer puts into ONNX files differs.

    Raises TokenDifferenceError and ValueError as above, ImportError without onnxruntime-extensions.
    """
    import onnxruntime
    import onnxruntime_extensions

    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    content = onnx_tokenizer(texts.tokenizer, texts.length).SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(strings: list[str]) -> np.ndarray:
        ids: np.ndarray = session.run(None, {TEXTS: np.array(strings, object)})[0]
        return ids

    return _differences(texts, run, CANNOT_FOLLOW, allow_differences)


def _differences(
    texts: RawTexts,
    run: Callable[[list[str]], np.ndarray],
    cannot_follow: Sequence[StringClass],
    allowed: bool,
) -> tuple[str, ...]:
    """Names of the classes of strings on which a form differs: those it declares, and those that were found."""
    found = compare_tokens(texts.tokenizer, texts.length, run, fuzz_corpus(COMPARED), cannot_follow=cannot_follow)
    if found.differing and not allowed:
        raise TokenDifferenceError(found)
    return tuple(dict.fromkeys((*(each.name for each in cannot_follow), *found.classes)))
