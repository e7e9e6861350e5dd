"""Rows of token ids from strings: the whole way, and the frame around each row."""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mmzoo.exporters.tokens.definition import read_definition
from mmzoo.exporters.tokens.tensorflow.bpe import byte_pieces
from mmzoo.exporters.tokens.tensorflow.characters import decoded, normalized
from mmzoo.exporters.tokens.tensorflow.wordpiece import word_pieces
from mmzoo.exporters.tokens.tensorflow.words import split_words
from mmzoo.tokenizer import Tokenizer


def tensorflow_tokenizer(tokenizer: Tokenizer, length: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function for use in a tf.function: strings (B,) to token ids (B, length) int32, equal to tokenizer(texts, length).

    Its tables are constants of the graph: it has no variables, files or resources to track, and a SavedModel that holds
    it needs no package but TensorFlow. All strings go one way, so that none is treated otherwise than tokenizer.json says:
    character tables are asked of the tokenizers library, not taken from a Unicode version of TensorFlow's.

    Raises: ValueError if length has no room for start, end and another token, or the tokenizer has no in-graph form.
    """
    definition = read_definition(tokenizer)
    before = [] if definition.start is None else [definition.start]
    room = operator.index(length) - len(before) - 1
    if room < 0 or length < 2:
        raise ValueError(f"length must be at least {max(2, len(before) + 1)}, received {length}")
    limit = length * definition.longest
    normalize, split = normalized(definition.steps), split_words(definition)
    pieces = (word_pieces if definition.kind == "wordpiece" else byte_pieces)(definition)
    dropped = np.array(sorted(definition.reserved), np.int32)

    @tf.autograph.experimental.do_not_convert  # no Python control flow depends on a tensor
    def token_ids(texts: tf.Tensor) -> tf.Tensor:
        with tf.device("/CPU:0"):  # strings live there
            words = split(normalize(decoded(texts, limit)))
            # A word that occurs a thousand times is cut up once.
            distinct, place = tf.unique(words.values)
            bodies = words.with_values(tf.gather(pieces(distinct), place)).merge_dims(1, 2)
            kept = tf.reduce_all(bodies.values[:, None] != dropped, axis=1)
            bodies = tf.ragged.boolean_mask(bodies, bodies.with_values(kept))[:, :room]
            start, end = (tf.repeat(np.array([x], np.int32), bodies.nrows(), 0) for x in (before, [definition.end]))
            rows = tf.concat([start, bodies, end], axis=1)
            return tf.ensure_shape(rows.to_tensor(definition.pad, shape=[None, length]), [None, length])

    return token_ids
