"""Strings to texts, and the steps of normalisation on them; texts are ragged code points int32, a row for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mmzoo.exporters.tokens.normalization import CODE_POINTS, Compose, Reorder, Replace, Step
from mmzoo.exporters.tokens.tensorflow.tables import of_each_character, of_pairs

_INVALID = 0xFFFD


def decoded(texts: tf.Tensor, limit: int) -> tf.RaggedTensor:
    """The first `limit` characters of strings (B,); invalid UTF-8 and NUL become U+FFFD."""
    head = tf.strings.substr(texts, 0, 4 * limit)  # a character has at most four bytes
    codes = tf.strings.unicode_decode(head, "UTF-8", errors="replace", replacement_char=_INVALID)[:, :limit]
    return codes.with_values(tf.where(codes.values == 0, _INVALID, codes.values))


def normalized(steps: Sequence[Step]) -> Callable[[tf.RaggedTensor], tf.RaggedTensor]:
    """A function that takes texts through the steps."""
    functions = [_FORMS[type(step)](step) for step in steps]

    def normalize(texts: tf.RaggedTensor) -> tf.RaggedTensor:
        for function in functions:
            texts = function(texts)
        return texts

    return normalize


def repeated(texts: tf.RaggedTensor, counts: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
    """Each character counts times, which may be none; and for each the how-manieth of its kind it is, from 0."""
    source = tf.repeat(tf.range(tf.size(counts)), counts)
    nth = tf.range(tf.size(source)) - tf.gather(tf.cumsum(counts, exclusive=True), source)
    rows = tf.gather(texts.value_rowids(), source)
    return tf.RaggedTensor.from_value_rowids(
        tf.gather(texts.values, source), rows, nrows=texts.nrows(), validate=False
    ), nth


def marked_first(texts: tf.RaggedTensor) -> tf.Tensor:
    """Whether a character is the first of its text."""
    rows = texts.value_rowids()
    return rows != tf.concat([[-1], rows[:-1]], axis=0)


def _replaced(step: Replace) -> Callable[[tf.RaggedTensor], tf.RaggedTensor]:
    counts, starts, pool = np.ones(CODE_POINTS, np.int32), np.full(CODE_POINTS, -1, np.int32), [0]
    for code, text in step.table.items():
        counts[code], starts[code] = len(text), len(pool) if text else 0
        pool.extend(map(ord, text))
    count_of, start_of, letters = of_each_character(counts), of_each_character(starts), np.array(pool, np.int32)

    def replace(texts: tf.RaggedTensor) -> tf.RaggedTensor:
        texts, nth = repeated(texts, count_of(texts.values))
        start = start_of(texts.values)
        new = tf.gather(letters, tf.maximum(start, 0) + nth)
        return texts.with_values(tf.where(start < 0, texts.values, new))

    return replace


def _reordered(step: Reorder) -> Callable[[tf.RaggedTensor], tf.RaggedTensor]:
    class_of = _class_of(step)

    def reorder(texts: tf.RaggedTensor) -> tf.RaggedTensor:
        classes = class_of(texts.values)
        runs = tf.cumsum(tf.cast(marked_first(texts) | (classes == 0), tf.int64))
        keys = runs * 256 + tf.cast(classes, tf.int64)
        # Few texts have marks out of order.
        wrong = tf.reduce_any(keys[1:] < keys[:-1])
        return texts.with_values(
            tf.cond(wrong, lambda: tf.gather(texts.values, tf.argsort(keys, stable=True)), lambda: texts.values)
        )

    return reorder


def _class_of(step: Reorder | Compose) -> Callable[[tf.Tensor], tf.Tensor]:
    classes = np.zeros(CODE_POINTS, np.int32)
    for code, number in step.classes.items():
        classes[code] = number
    return of_each_character(classes)


def _composed(step: Compose) -> Callable[[tf.RaggedTensor], tf.RaggedTensor]:
    class_of, pair_of = _class_of(step), of_pairs(step.pairs)
    second = np.zeros(CODE_POINTS, bool)
    second[[code for _, code in step.pairs]] = True
    is_second = of_each_character(second)

    def compose(texts: tf.RaggedTensor) -> tf.RaggedTensor:
        codes = texts.values
        classes = class_of(codes)
        # Runs of characters that have to do with each other: all runs are walked through side by side.
        begins = marked_first(texts) | ((classes == 0) & ~is_second(codes))
        start = tf.where(begins)[:, 0]
        stop = tf.concat([start[1:], [tf.size(codes, tf.int64)]], axis=0)

        def walk(
            codes: tf.Tensor, base: tf.Tensor, latest: tf.Tensor, here: tf.Tensor, stop: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            """One character further in each run that goes on.

            base: where the character is that marks compose with; latest: the class of the last mark left behind it.
            """
            on = here < stop
            base, latest, here, stop = (tf.boolean_mask(x, on) for x in (base, latest, here, stop))
            whole = pair_of(tf.gather(codes, base), tf.gather(codes, here))
            rank = tf.gather(classes, here)
            fits = (whole >= 0) & ((latest == 0) | (latest < rank))
            where = tf.concat([tf.boolean_mask(base, fits), tf.boolean_mask(here, fits)], axis=0)
            gone = tf.fill([tf.size(where) // 2], -1)
            codes = tf.tensor_scatter_nd_update(
                codes, where[:, None], tf.concat([tf.boolean_mask(whole, fits), gone], axis=0)
            )
            latest = tf.where(fits, latest, rank)
            base = tf.where(fits | (rank > 0), base, here)
            return codes, base, latest, here + 1, stop

        codes, *_ = tf.while_loop(
            lambda codes, base, latest, here, stop: tf.reduce_any(here < stop),
            walk,
            (codes, start, tf.zeros_like(start, tf.int32), start + 1, stop),
            shape_invariants=(tf.TensorShape([None]),) * 5,
        )
        return tf.ragged.boolean_mask(texts.with_values(codes), texts.with_values(codes >= 0))

    return compose


_FORMS: Mapping[type, Callable[[Any], Callable[[tf.RaggedTensor], tf.RaggedTensor]]] = {
    Replace: _replaced,
    Reorder: _reordered,
    Compose: _composed,
}
