"""WordPiece (arXiv:1810.04805): the longest piece first, all words side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import tensorflow as tf

from mmzoo.exporters.tokens.definition import Definition
from mmzoo.exporters.tokens.tensorflow.tables import of_pairs

_BEGINNING, _INSIDE = 0, 1  # where a trie of pieces is entered


def word_pieces(definition: Definition) -> Callable[[tf.Tensor], tf.RaggedTensor]:
    """A function from words (W,) to the ids of their pieces (W, pieces), or of the unknown token."""
    trie, ids = _trie(definition.vocabulary, definition.prefix)
    next_node, piece_of = of_pairs(trie), np.array(ids, np.int32)

    def longest(codes: tf.Tensor, nodes: tf.Tensor, stops: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """For each character the length and id of the longest piece that begins there; 0 and -1 if none does."""

        def step(
            lengths: tf.Tensor, pieces: tf.Tensor, places: tf.Tensor, nodes: tf.Tensor, ahead: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            nodes = next_node(nodes, tf.gather(codes, places + ahead))
            piece = tf.where(nodes < 0, -1, tf.gather(piece_of, tf.maximum(nodes, 0)))
            ahead += 1
            found = tf.boolean_mask(places, piece >= 0)[:, None]
            lengths = tf.tensor_scatter_nd_update(lengths, found, tf.fill([tf.size(found)], ahead))
            pieces = tf.tensor_scatter_nd_update(pieces, found, tf.boolean_mask(piece, piece >= 0))
            on = (nodes >= 0) & (places + ahead < tf.gather(stops, places))
            return lengths, pieces, tf.boolean_mask(places, on), tf.boolean_mask(nodes, on), ahead

        one = tf.TensorShape([None])
        lengths, pieces, *_ = tf.while_loop(
            lambda lengths, pieces, places, nodes, ahead: tf.size(places) > 0,
            step,
            (tf.zeros_like(codes), tf.fill(tf.shape(codes), -1), tf.range(tf.size(codes)), nodes, tf.constant(0)),
            shape_invariants=(one, one, one, one, tf.TensorShape([])),
        )
        return lengths, pieces

    def chained(lengths: tf.Tensor, starts: tf.Tensor, stops: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Whether a piece begins at each character, and where words are that have no such chain of pieces."""

        def step(begins: tf.Tensor, failed: tf.Tensor, places: tf.Tensor) -> tuple[tf.Tensor, ...]:
            length = tf.gather(lengths, places)
            begins = tf.tensor_scatter_nd_update(begins, places[:, None], length > 0)
            failed = tf.concat([failed, tf.boolean_mask(places, length == 0)], axis=0)
            further = places + length
            on = (length > 0) & (further < tf.gather(stops, places))
            return begins, failed, tf.boolean_mask(further, on)

        begins, failed, _ = tf.while_loop(
            lambda begins, failed, places: tf.size(places) > 0,
            step,
            (tf.zeros_like(lengths, tf.bool), tf.zeros([0], tf.int32), starts),
            shape_invariants=(tf.TensorShape([None]),) * 3,
        )
        return begins, failed

    def pieces(words: tf.Tensor) -> tf.RaggedTensor:
        letters = tf.strings.unicode_decode(words, "UTF-8")
        codes, word = letters.values, letters.value_rowids()
        starts = tf.cast(letters.row_starts(), tf.int32)
        stops = tf.gather(tf.cast(letters.row_limits(), tf.int32), word)
        initial = tf.gather(starts, word) == tf.range(tf.size(codes))
        lengths, ids = longest(codes, tf.where(initial, _BEGINNING, _INSIDE), stops)
        begins, failed = chained(lengths, starts, stops)
        unknown = letters.row_lengths() > definition.max_characters
        unknown = tf.gather(
            tf.tensor_scatter_nd_update(unknown, tf.gather(word, failed)[:, None], tf.fill([tf.size(failed)], True)),
            word,
        )
        ids = tf.where(unknown, definition.unknown, ids)
        return tf.ragged.boolean_mask(letters.with_values(ids), letters.with_values(tf.where(unknown, initial, begins)))

    return pieces


def _trie(vocabulary: Mapping[str, int], prefix: str) -> tuple[dict[tuple[int, int], int], list[int]]:
    """Node and character to node; the id of the piece that ends at each node, -1 where none does."""
    edges: dict[tuple[int, int], int] = {}
    ids = [-1, -1]

    def add(pieces: Iterable[tuple[str, int]], root: int) -> None:
        for piece, number in pieces:
            node = root
            for letter in piece:
                node = edges.setdefault((node, ord(letter)), len(ids))
                if node == len(ids):
                    ids.append(-1)
            if piece:
                ids[node] = number

    add(vocabulary.items(), _BEGINNING)
    add(((p.removeprefix(prefix), number) for p, number in vocabulary.items() if p.startswith(prefix)), _INSIDE)
    return edges, ids
