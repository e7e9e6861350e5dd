"""Texts from token ids in a TensorFlow graph: tables of what each token is, joined."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tokenizers
from tokenizers import decoders

from mmzoo.exporters.tokens.tensorflow.bpe import byte_alphabet
from mmzoo.tokenizer import Tokenizer

_INVALID = 0xFFFD
# What str.strip takes off; TensorFlow's own knows ASCII's alone.
_SPACE = "".join(chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace())


def tensorflow_texts(tokenizer: Tokenizer) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function for use in a tf.function: token ids (B, T) int32 with the start first -> strings (B,), equal to tokenizer.decode(ids).

    Its tables are constants of the graph. Works for byte-level tokens (GPT-2, CLIP) and for WordPiece (BERT).
    Raises: ValueError for another decoder in tokenizer.json, whose texts are not what its tokens are one by one.
    """
    content, encoder = json.loads(tokenizer.definition), tokenizers.Tokenizer.from_str(tokenizer.definition)
    # An id that no token has is left out, as is one that frames a text or means something else.
    tokens = [encoder.id_to_token(index) for index in range(tokenizer.vocab_size)]
    special = {token["id"] for token in content["added_tokens"] if token["special"]}
    hidden = {*special, tokenizer.start_id, tokenizer.end_id}
    shown = np.array([token is not None and index not in hidden for index, token in enumerate(tokens)])
    first, later = _pieces(content["decoder"], [token or "" for token in tokens])
    end, suffix = tokenizer.end_id, content["model"].get("end_of_word_suffix")
    ends_of_texts = f"^[{_SPACE}]+|[{_SPACE}]+$"

    @tf.autograph.experimental.do_not_convert
    def texts(ids: tf.Tensor) -> tf.Tensor:
        with tf.device("/CPU:0"):  # strings live there
            body = ids[:, 1:]
            here = tf.gather(shown, body) & (tf.cumsum(tf.cast(body == end, tf.int32), axis=1) == 0)
            is_first = tf.cumsum(tf.cast(here, tf.int32), axis=1) == 1
            pieces = tf.where(is_first, tf.gather(first, body), tf.gather(later, body))
            joined = tf.strings.reduce_join(tf.where(here, pieces, b""), axis=1)
            # A model may write half a character.
            valid = tf.strings.unicode_transcode(joined, "UTF-8", "UTF-8", "replace", replacement_char=_INVALID)
            if suffix:
                valid = tf.strings.regex_replace(valid, re.escape(suffix), " ")
                valid = tf.strings.regex_replace(valid, ends_of_texts, "")
            return tf.ensure_shape(valid, [None])

    return texts


def _pieces(decoder: dict | None, tokens: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of each token where it is the first of a text, and where it is a later one."""
    match decoder:
        case {"type": "ByteLevel"}:
            byte_of = {letter: byte for byte, letter in enumerate(byte_alphabet())}
            spelled = [
                bytes(byte_of[letter] for letter in token) if byte_of.keys() >= set(token) else token.encode()
                for token in tokens
            ]
            first = later = np.array(spelled, object)
        case {"type": "WordPiece", "prefix": str(prefix), "cleanup": bool(cleanup)}:
            rule = decoders.WordPiece(prefix, cleanup)
            first = np.array([rule.decode([token]).encode() for token in tokens], object)
            later = np.array([rule.decode(["a", token])[1:].encode() for token in tokens], object)
        case _:
            kind = json.dumps(decoder)
            raise ValueError(f"texts in a graph must be made by a ByteLevel or WordPiece decoder, received {kind:.200}")
    return first, later
