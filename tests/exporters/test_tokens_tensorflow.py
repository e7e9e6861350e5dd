"""Tokenizers inside TensorFlow graphs give the ids of tokenizer.json, through a SavedModel."""

import json
import random
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tokenizers import pre_tokenizers

from mmzoo.exporters.tokens import fuzz_corpus
from mmzoo.exporters.tokens.tensorflow import tensorflow_tokenizer
from mmzoo.tokenizer import Tokenizer

LENGTH = 20
CLIP_MERGES = "t h,th e</w>,d o,do g</w>,' s</w>,i n,in g</w>,o f</w>,Ã ©</w>,! !,!! !</w>,| >,|> </w>,e n,en d,Ċ Ċ</w>"


def clip_tokenizer():
    """A tokenizer.json as transformers writes it for CLIP, with a few merges."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [merge.split() for merge in CLIP_MERGES.split(",") if "|> <" not in merge]
    pieces = [*letters, *(letter + "</w>" for letter in letters), *map("".join, merges)]
    special = ["<|startoftext|>", "<|endoftext|>"]
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    start, end = len(pieces), len(pieces) + 1
    words = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": start + i, "content": s, "special": True, **flags} for i, s in enumerate(special)],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Lowercase"},
            ],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": words}, "behavior": "Removed", "invert": True},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            ],
        },
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": [special[1], end],
            "cls": [special[0], start],
            "trim_offsets": False,
            "add_prefix_space": False,
        },
        "decoder": None,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": special[1],
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {piece: index for index, piece in enumerate([*pieces, *special])},
            "merges": merges,
        },
    }
    return Tokenizer(json.dumps(content))


def trained(**options):
    return Tokenizer.train(fuzz_corpus(300, seed=1), 6000 if "kind" in options else 900, **options)


TOKENIZERS = {
    "byte_bpe": trained,
    "wordpiece": lambda: trained(kind="wordpiece", lower_case=True),
    "clip": clip_tokenizer,
}


class Saved:
    """A tokenizer, and a function on lists of strings or bytes that runs its SavedModel."""

    def __init__(self, tokenizer, directory):
        self.tokenizer = tokenizer
        module = tf.Module()
        signature = [tf.TensorSpec([None], tf.string)]
        module.ids = tf.function(tensorflow_tokenizer(tokenizer, LENGTH), input_signature=signature)
        tf.saved_model.save(module, directory / "written")
        (directory / "written").rename(directory / "moved")
        self.directory = directory / "moved"
        self.loaded = tf.saved_model.load(self.directory)

    def __call__(self, texts):
        strings = [text.encode() if isinstance(text, str) else text for text in texts]
        return self.loaded.ids(tf.constant(strings, tf.string, [len(strings)])).numpy()

    def check(self, texts):
        expected, actual = self.tokenizer(texts, LENGTH), self(texts)
        assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
        wrong = [texts[row] for row in np.flatnonzero((actual != expected).any(axis=1))]
        assert wrong == []


@pytest.fixture(scope="module", params=TOKENIZERS)
def saved(request, tmp_path_factory):
    return Saved(TOKENIZERS[request.param](), tmp_path_factory.mktemp("saved"))


def confusing():
    """Beginnings and ends of what the rules for words look for, in any order."""
    draw = random.Random(0)
    marks = [chr(code) for code in (*range(0x300, 0x370), 0x5B0, 0x64B, 0x93C, 0x9BE, 0xDCA, 0x302E, 0x16FF0, 0x1D165)]
    letters = [*"aeoAO' \t\n", "s", "re", "ll", "1", "२", "½", "!", "É", "Ω", "日", "\u1112", "\u1161", "\u11ab", "각"]
    phrases = [
        "<|endoftext|>",
        "<|STARTOFTEXT|>",
        "<|",
        "|>",
        "'s",
        "'S",
        "##ing",
        "[UNK]",
        "<pad>",
        " ",
        "\u3000",
        "!",
    ]
    pools = (marks, letters, phrases, [chr(code) for code in range(0xC0, 0x250)])
    return ["".join(draw.choice(draw.choice(pools)) for _ in range(draw.randint(1, 10))) for _ in range(1000)]


def composing():
    """Marks behind a mark of the same class, behind a letter, over a mark of a lower class, in front; Hangul of parts."""
    texts = "e\u0308\u0301 e\u1161\u0301 e\u0316\u0301 e\u0316\u1161\u0301 e\u0315\u0316\u0301 \u0301e \u0308\u0301 "
    texts += (
        "a\u0323\u0302 a\u0302\u0323 a\u0301\u0302\u0323 \u212b \u2126 \u0958 \u0344 \u09c7\u09be \u09c7\u0301\u09be "
    )
    texts += "\u1100\u1161\u11a8\u0301 \uac00\u11a8 \u1100\u0301\u1161"
    return [texts, *texts.split()]


def all_characters():
    """Four neighbours of the first plane in each text, every 23rd text; and characters past it."""
    lower = ["".join(f"{chr(code)} a{chr(code)}1 " for code in range(four, four + 4)) for four in range(0, 0xD800, 92)]
    return [*lower, *(f"x{chr(code)}y" for code in range(0x10000, 0x20000, 211))]


def no_text():
    """Bytes that are no UTF-8, or only in part."""
    draw = random.Random(0)
    pool = [*b"a \xc3\xa9\xe4\xb8\xad\xf0\x9f\x91\x8d\xed\xa0\x80\xc0\xf4\x90\xff\x00"]
    return [b"", b"\0", b"a\0b", *(bytes(draw.choices(pool, k=draw.randint(1, 9))) for _ in range(800))]


def test_ids_are_those_of_tokenizer_json(saved):
    for texts in (fuzz_corpus(600, seed=2), confusing(), composing(), all_characters(), no_text(), [""], []):
        saved.check(texts)


def test_a_megabyte_costs_what_a_page_does(saved):
    texts = [
        "a" * 10**6,
        "<|endoftext|>" * 70_000,
        "e\u0301\u0316" * 300_000,
        "\u1112\u1161\u11ab" * 300_000,
        "👍" * 250_000,
    ]
    saved.check(texts[:1])  # the first call prepares
    begin = time.perf_counter()
    saved.check(texts)
    assert time.perf_counter() - begin < 10


def changed(tokenizer, **changes):
    return Tokenizer(json.dumps({**json.loads(tokenizer.definition), **changes}))


def check(tokenizer, texts, length=LENGTH):
    texts = list(texts)
    actual = tensorflow_tokenizer(tokenizer, length)(tf.constant(texts)).numpy()
    np.testing.assert_array_equal(actual, tokenizer(texts, length))


def test_a_space_before_the_text():
    spaced = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    tokenizer = changed(trained(), pre_tokenizer=spaced)
    assert (tokenizer(["a dog"], 9) != trained()(["a dog"], 9)).any()
    check(tokenizer, ["a dog", " a dog", "", "'s", "\ta", "\u00a0a"])


def test_kinds_that_keep_or_lower_case():
    short = [text for text in fuzz_corpus(300, seed=3) if len(text) < 40]
    check(trained(lower_case=True), short)
    check(trained(kind="wordpiece"), short)


def test_decomposed_characters():
    check(changed(trained(), normalizer={"type": "NFD"}), fuzz_corpus(200))


def test_merges_that_no_training_makes():
    # abc can be made of ab c after abc d: pairs must be merged one after another, from the left.
    tokenizer = clip_tokenizer()
    content, framing, special = (
        json.loads(tokenizer.definition)[key] for key in ("model", "post_processor", "added_tokens")
    )
    merges = [["a", "b"], ["b", "c"], ["a", "bc"], ["abc", "ab"], ["ab", "c"], ["a", "a"], ["aa", "aa"], ["aa", "a"]]
    pieces = [*(piece for piece in content["vocab"] if len(piece) in (1, 5)), *dict.fromkeys(map("".join, merges))]
    vocab = {piece: index for index, piece in enumerate(pieces)} | {"<|startoftext|>": 9000, "<|endoftext|>": 9001}
    tokenizer = changed(
        tokenizer,
        model={**content, "vocab": vocab, "merges": merges},
        added_tokens=[{**token, "id": 9000 + index} for index, token in enumerate(special)],
        post_processor={**framing, "cls": ["<|startoftext|>", 9000], "sep": ["<|endoftext|>", 9001]},
    )
    draw = random.Random(0)
    check(tokenizer, ["".join(draw.choices(["abc", *"abc"], k=draw.randint(1, 9))) for _ in range(500)])


def test_special_tokens_that_a_text_spells_are_dropped():
    tokenizer = Tokenizer.train(["the dog"], 40, kind="wordpiece")
    content = json.loads(tokenizer.definition)
    content["added_tokens"].append(
        {**content["added_tokens"][0], "id": content["model"]["vocab"]["dog"], "content": "dog"}
    )
    tokenizer = Tokenizer(json.dumps(content))
    assert tokenizer(["the dog the"], 5).tolist() == tokenizer(["the the"], 5).tolist()
    check(tokenizer, ["the dog the", "dog"], 5)


def test_a_template_without_a_start():
    content = json.loads(trained().definition)
    content["post_processor"]["single"] = content["post_processor"]["single"][1:]
    check(Tokenizer(json.dumps(content)), ["", "a dog", "a photo of a dog in the grass"], 4)


def test_a_loader_needs_nothing_but_tensorflow(saved):
    graph = saved_model_pb2.SavedModel.FromString((saved.directory / "saved_model.pb").read_bytes()).meta_graphs[0]
    operations = {node.op for function in graph.graph_def.library.function for node in function.node_def}
    called = {function.signature.name for function in graph.graph_def.library.function}
    assert "UnicodeDecode" in operations
    assert {name for name in operations - called if not hasattr(tf.raw_ops, name)} == set()
    assert list((saved.directory / "assets").iterdir()) == []


@pytest.mark.parametrize("length", [0, 1])
def test_a_row_without_room(length):
    with pytest.raises(ValueError, match=f"length must be at least 2, received {length}"):
        tensorflow_tokenizer(clip_tokenizer(), length)
