"""Normalised texts to words, by rules that look a few characters to each side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from mmzoo.exporters.tokens.definition import ALONE, CONTRACTIONS, NUMBER, OTHER, SPACE, Definition
from mmzoo.exporters.tokens.tensorflow.characters import marked_first, repeated
from mmzoo.exporters.tokens.tensorflow.tables import of_each_character

_NONE = -1  # what stands before and behind a text


@dataclass(frozen=True)
class _View:
    """The characters of all texts in one row, and a way to look at their neighbours."""

    codes: tf.Tensor
    classes: tf.Tensor
    rows: tf.Tensor

    def at(self, values: tf.Tensor, by: int) -> tf.Tensor:
        """For each character the value of the one `by` places on in the same text; before it, if negative."""
        ends = [[max(-by, 0), max(by, 0)]]
        size = tf.size(values)
        value, row = (tf.pad(x, ends, constant_values=_NONE)[max(by, 0) :][:size] for x in (values, self.rows))
        return tf.where(row == self.rows, value, _NONE)

    def lengths_of(self, spellings: Sequence[str], allowed: tf.Tensor | bool = True) -> tf.Tensor:
        """The length of the spelling that begins at a character, 0 where none does or it is not allowed to."""
        lengths = tf.zeros_like(self.codes)
        ahead = [self.at(self.codes, place) for place in range(max(map(len, spellings), default=0))]
        for spelling in spellings:
            found = [code == ord(letter) for code, letter in zip(ahead, spelling, strict=False)]
            lengths = tf.where(tf.reduce_all(found, axis=0) & allowed, len(spelling), lengths)
        return lengths

    def follows(self, lengths: tf.Tensor, spellings: Sequence[str]) -> tf.Tensor:
        """Whether a character stands right behind one of the spellings found by lengths_of."""
        behind = [self.at(lengths, -size) == size for size in {len(spelling) for spelling in spellings}]
        return tf.reduce_any(behind, axis=0) if behind else tf.zeros_like(self.codes, tf.bool)


def split_words(definition: Definition) -> Callable[[tf.RaggedTensor], tf.RaggedTensor]:
    """A function from normalised texts to their words, strings in a ragged row for each text."""
    class_of = of_each_character(np.frombuffer(definition.classes, np.uint8).astype(np.int32))

    def split(texts: tf.RaggedTensor) -> tf.RaggedTensor:
        if definition.leading_space:
            texts = _with_leading_space(texts)
        view = _View(texts.values, class_of(texts.values), texts.value_rowids())
        if definition.kind == "byte_bpe":
            begins = _gpt2(view)
        else:
            begins = _bert(view) if definition.kind == "wordpiece" else _clip(view, definition.phrases)
            kept = view.classes != SPACE
            texts, begins = tf.ragged.boolean_mask(texts, texts.with_values(kept)), tf.boolean_mask(begins, kept)
        starts = tf.where(begins)[:, 0]
        words = tf.strings.unicode_encode(
            tf.RaggedTensor.from_row_starts(texts.values, starts, validate=False), "UTF-8"
        )
        return tf.RaggedTensor.from_value_rowids(
            words, tf.gather(texts.value_rowids(), starts), nrows=texts.nrows(), validate=False
        )

    return split


def _with_leading_space(texts: tf.RaggedTensor) -> tf.RaggedTensor:
    lacking = marked_first(texts) & (texts.values != ord(" "))
    texts, nth = repeated(texts, 1 + tf.cast(lacking, tf.int32))
    doubled = tf.pad(nth, [[0, 1]])[1:] == 1
    return texts.with_values(tf.where(doubled, ord(" "), texts.values))


def _bert(view: _View) -> tf.Tensor:
    """White space and punctuation end a word; a punctuation mark is one."""
    before = view.at(view.classes, -1)
    return (before != OTHER) | (view.classes == ALONE)


def _gpt2(view: _View) -> tf.Tensor:
    r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
    before, behind = view.at(view.classes, -1), view.at(view.classes, 1)
    # A space belongs to the word behind it, other white space does not.
    after_space = view.at(view.codes, -1) == ord(" ")
    contractions = view.lengths_of(CONTRACTIONS, (before != OTHER) & ~after_space)
    # Of several white spaces before a word, the last is apart from the others.
    last_space = (view.classes == SPACE) & (before == SPACE) & (behind != SPACE) & (behind != _NONE)
    changes = (view.classes != before) & ~((view.classes != SPACE) & after_space)
    return _with_contractions(view, contractions, changes | last_space)


def _clip(view: _View, phrases: Sequence[str]) -> tf.Tensor:
    r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+, then GPT-2's rule."""
    before = view.at(view.classes, -1)
    after_phrase = view.follows(_phrases(view, phrases, before != OTHER), phrases)
    contractions = view.lengths_of(CONTRACTIONS, (before != OTHER) | after_phrase)
    changes = (view.classes != before) | (view.classes == NUMBER) | after_phrase
    return _with_contractions(view, contractions, changes)


def _with_contractions(view: _View, lengths: tf.Tensor, begins: tf.Tensor) -> tf.Tensor:
    """Where words begin, if these contractions are words: their first letter does not begin one, what follows them does."""
    return (begins & (view.at(lengths, -1) <= 0)) | view.follows(lengths, CONTRACTIONS)


def _phrases(view: _View, phrases: Sequence[str], allowed: tf.Tensor) -> tf.Tensor:
    """The lengths of phrases that begin where they are allowed to or right behind such a phrase."""
    lengths = view.lengths_of(phrases)
    place = tf.where(lengths > 0)[:, 0]
    first = tf.gather(~view.follows(lengths, phrases), place)  # of phrases that follow one another
    good = tf.gather(tf.boolean_mask(tf.gather(allowed, place), first), tf.cumsum(tf.cast(first, tf.int32)) - 1)
    return tf.tensor_scatter_nd_update(
        tf.zeros_like(lengths), place[:, None], tf.where(good, tf.gather(lengths, place), 0)
    )
