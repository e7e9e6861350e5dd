"""Byte-pair encoding (arXiv:1508.07909) of words on the bytes of UTF-8, all words side by side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mmzoo.exporters.tokens.definition import Definition
from mmzoo.exporters.tokens.tensorflow.tables import of_pairs

_LAST = np.int32(2**31 - 1)  # the rank of a pair that is never merged


def byte_pieces(definition: Definition) -> Callable[[tf.Tensor], tf.RaggedTensor]:
    """A function from words (W,) to the ids of their pieces (W, pieces)."""
    vocabulary, suffix = definition.vocabulary, definition.suffix
    alphabet = byte_alphabet()
    inner, final = (np.array([vocabulary[c + end] for c in alphabet], np.int32) for end in ("", suffix))
    # A pair given twice has its later rank, as in tokenizers.
    rank_of = of_pairs({(vocabulary[a], vocabulary[b]): rank for rank, (a, b) in enumerate(definition.merges)})
    merged = np.array([*(vocabulary[left + right] for left, right in definition.merges), 0], np.int32)
    orderly = _is_orderly(definition)

    def merge(symbols: tf.Tensor, places: tf.Tensor, words: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Merges the best pair of each word wherever it stands, and forgets about words that have none.

        symbols: of all words, -1 where one was merged into its neighbour; places: of the symbols that may still
        change; words: the number of the word of each place.
        """
        here = tf.gather(symbols, places)
        rank = rank_of(here[:-1], here[1:])
        rank = tf.pad(tf.where((rank < 0) | (words[:-1] != words[1:]), _LAST, rank), [[0, 1]], constant_values=_LAST)
        best = tf.gather(tf.math.segment_min(rank, words), words)
        live = best != _LAST
        chosen = _without_overlap((rank == best) & live, words, everywhere=orderly)
        left, right = tf.boolean_mask(places, chosen), tf.boolean_mask(places, tf.roll(chosen, 1, axis=0))
        new = tf.gather(merged, tf.boolean_mask(rank, chosen))
        symbols = tf.tensor_scatter_nd_update(
            symbols, tf.concat([left, right], axis=0)[:, None], tf.concat([new, tf.fill(tf.shape(right), -1)], axis=0)
        )
        live &= ~tf.roll(chosen, 1, axis=0)
        return symbols, tf.boolean_mask(places, live), tf.boolean_mask(words, live)

    def pieces(words: tf.Tensor) -> tf.RaggedTensor:
        codes = tf.cast(tf.io.decode_raw(tf.strings.reduce_join(words), tf.uint8), tf.int32)
        spelled = tf.RaggedTensor.from_row_lengths(codes, tf.cast(tf.strings.length(words), tf.int64))
        ends = tf.scatter_nd(spelled.row_limits()[:, None] - 1, tf.ones_like(words, tf.bool), tf.shape(codes, tf.int64))
        symbols = tf.where(ends, tf.gather(final, codes), tf.gather(inner, codes))
        symbols, *_ = tf.while_loop(
            lambda symbols, places, words: tf.size(places) > 0,
            merge,
            (symbols, tf.range(tf.size(codes)), spelled.value_rowids()),
            shape_invariants=(tf.TensorShape([None]),) * 3,
        )
        return tf.ragged.boolean_mask(spelled.with_values(symbols), spelled.with_values(symbols >= 0))

    return pieces


def _without_overlap(chosen: tf.Tensor, words: tf.Tensor, everywhere: bool) -> tf.Tensor:
    """Of chosen pairs that overlap (a a in a a a) every second, from the left; or the leftmost of each word alone."""
    index = tf.range(tf.size(chosen))
    if everywhere:
        starts = chosen & ~tf.pad(chosen, [[1, 0]])[:-1]
        run = tf.gather(tf.pad(tf.where(starts)[:, 0], [[1, 0]]), tf.cumsum(tf.cast(starts, tf.int32)))
        return chosen & ((tf.cast(index, tf.int64) - run) % 2 == 0)
    leftmost = tf.math.segment_min(tf.where(chosen, index, tf.size(chosen)), words)
    return chosen & (index == tf.gather(leftmost, words))


def _is_orderly(definition: Definition) -> bool:
    """Whether no merge can make a better pair than itself, as in every vocabulary that was learnt.

    Only then is merging a pair everywhere at once the same as merging one after another.
    """
    made: dict[str, int] = {}
    for rank, (left, right) in enumerate(definition.merges):
        made[left + right] = rank
    return all(max(made.get(a, -1), made.get(b, -1)) < rank for rank, (a, b) in enumerate(definition.merges))


def byte_alphabet() -> str:
    """The character that stands for each byte, 0 to 255, in a byte-level vocabulary: itself if it can be seen."""
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = iter(range(0x100, 0x200))
    return "".join(chr(byte if byte in seen else next(hidden)) for byte in range(256))
