"""Texts from token ids inside a TensorFlow graph, against tokenizer.json's."""

import json

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.exporters.strings import texts_in_graph
from mmzoo.tokenizer import Tokenizer

TEXTS = ["a red circle's ring, isn't it? 'no' !", "数字七 🎉🏽 café", "it 's do not . , they 've we 're i 'm ##"]


def clip_like():
    """Byte-level pieces that end words with "</w>", as CLIP's; the end is the pad and the unknown."""
    content = json.loads(Tokenizer.train(TEXTS, 300).definition)
    ids = {piece: index for index, piece in enumerate(content["model"]["vocab"])}
    for piece in list(ids)[5:]:
        ids[piece + "</w>"] = len(ids)
    content["model"] |= {"vocab": ids, "merges": [], "end_of_word_suffix": "</w>"}
    return Tokenizer(json.dumps(content))


TOKENIZERS = {
    "byte_bpe": Tokenizer.train(TEXTS, 320, languages=("en",)),
    "wordpiece": Tokenizer.train(TEXTS, 120, kind="wordpiece"),
    "clip": clip_like(),
}


def in_graph(tokenizer, rows):
    return [text.decode() for text in tf.function(texts_in_graph(tokenizer))(tf.constant(rows, tf.int32)).numpy()]


@pytest.mark.parametrize("kind", list(TOKENIZERS))
def test_texts_are_those_of_the_tokenizer(kind):
    tokenizer = TOKENIZERS[kind]
    rows = tokenizer(TEXTS, 80)
    assert in_graph(tokenizer, rows) == tokenizer.decode(rows)
    rows = np.random.default_rng(1).integers(0, tokenizer.vocab_size, (3_000, 12))
    rows[:, 0] = tokenizer.start_id
    assert in_graph(tokenizer, rows) == tokenizer.decode(rows)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf0\x9f\x8e",
        b"\xf0\x9f\x8eb",
        b"a\0b",
        b"\x85 \xc2\x85",
    ],
)
def test_bytes_that_are_no_text_are_replaced_alike(content):
    tokenizer = TOKENIZERS["byte_bpe"]
    ids = json.loads(tokenizer.definition)["model"]["vocab"]
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in visible]
    letters = [chr(byte) if byte in visible else chr(256 + hidden.index(byte)) for byte in content]
    row = np.array([[tokenizer.start_id, *(ids[letter] for letter in letters), tokenizer.end_id]])
    assert in_graph(tokenizer, row) == tokenizer.decode(row) == [content.decode("utf-8", "replace")]


def test_another_decoder_is_refused():
    content = json.loads(TOKENIZERS["byte_bpe"].definition)
    content["decoder"] = {"type": "BPEDecoder", "suffix": "</w>"}
    with pytest.raises(ValueError, match=r"made by a ByteLevel or WordPiece decoder, received .*BPEDecoder"):
        texts_in_graph(Tokenizer(json.dumps(content)))
