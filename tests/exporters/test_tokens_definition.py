"""What is read from a tokenizer.json, against Python's Unicode tables and the tokenizers library."""

import json
import unicodedata
from itertools import pairwise

import pytest
from tokenizers import normalizers, pre_tokenizers

from mmzoo.exporters.tokens import read_definition
from mmzoo.exporters.tokens.definition import ALONE, LETTER, NUMBER, OTHER, SPACE
from mmzoo.exporters.tokens.normalization import Compose, Reorder, Replace, normalization_steps
from mmzoo.tokenizer import Tokenizer

BYTE_BPE = json.loads(Tokenizer.train(["a photo of a dog", "two cats"], 300).definition)
WORDPIECE = json.loads(Tokenizer.train(["a photo of a dog", "two cats"], 60, kind="wordpiece").definition)
CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def read(content, **changes):
    return read_definition(Tokenizer(json.dumps({**content, **changes})))


def clip_rule(pattern, use_regex=True):
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": True}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}
    return {"type": "Sequence", "pretokenizers": [split, level]}


def test_byte_level_bpe():
    definition = read(BYTE_BPE)
    assert (definition.kind, definition.steps, definition.suffix, definition.leading_space) == (
        "byte_bpe",
        (),
        "",
        False,
    )
    assert (definition.start, definition.end, definition.pad, definition.unknown) == (1, 3, 0, 4)
    assert definition.reserved == {0, 1, 2, 3}
    assert definition.vocabulary == BYTE_BPE["model"]["vocab"]
    assert [list(pair) for pair in definition.merges] == BYTE_BPE["model"]["merges"]


def test_wordpiece():
    definition = read(WORDPIECE)
    assert (definition.kind, definition.prefix, definition.max_characters) == ("wordpiece", "##", 100)
    assert (definition.unknown, definition.merges) == (4, ())


def test_clip_rule_with_and_without_phrases():
    phrases = r"<\|startoftext\|>|<\|endoftext\|>|"
    definition = read(BYTE_BPE, pre_tokenizer=clip_rule(phrases + CLIP_WORDS))
    assert (definition.kind, definition.phrases) == ("clip_bpe", ("<|startoftext|>", "<|endoftext|>"))
    assert read(BYTE_BPE, pre_tokenizer=clip_rule(CLIP_WORDS, use_regex=False)).phrases == ()


def test_character_tables_are_what_the_normalizer_says():
    (step,) = normalization_steps({"type": "Lowercase"})
    assert isinstance(step, Replace)
    assert (step.table[ord("Σ")], step.table[ord("İ")], step.table.get(ord("ß"))) == ("σ", "i̇", None)
    assert all(normalizers.Lowercase().normalize_str(chr(code)) == text for code, text in step.table.items())
    assert len(step.table) == sum(chr(code).lower() != chr(code) for code in range(0x250)) + sum(
        normalizers.Lowercase().normalize_str(chr(code)) != chr(code)
        for code in range(0x250, 0x110000)
        if not 0xD800 <= code < 0xE000
    )


def test_neighbouring_tables_are_one():
    white = {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}
    (step,) = normalization_steps({"type": "Sequence", "normalizers": [white, {"type": "Lowercase"}]})
    assert (step.table[0x3000], step.table[ord("\n")], step.table[ord("A")], step.table.get(ord(" "))) == (
        *(" ", " ", "a"),
        None,
    )


def test_composition_is_unicodes():
    replace, reorder, compose = normalization_steps({"type": "NFC"})
    assert (type(replace), type(reorder), type(compose)) == (Replace, Reorder, Compose)
    for (first, second), whole in compose.pairs.items():
        assert unicodedata.normalize("NFC", chr(first) + chr(second)) == chr(whole)
    assert sum(0xAC00 <= whole < 0xD7A4 for whole in compose.pairs.values()) == 11_172  # all of Hangul
    assert (0x0344 in compose.pairs.values(), 0x0958 in compose.pairs.values()) == (False, False)  # excluded by Unicode


def test_marks_are_ordered_as_unicode_orders_them():
    _, reorder, _ = normalization_steps({"type": "NFC"})
    assert reorder.classes.keys() <= {code for code in range(0x110000) if unicodedata.combining(chr(code))}
    ordered = sorted((number, unicodedata.combining(chr(code))) for code, number in reorder.classes.items())
    assert all((a < c) == (b < d) for (a, b), (c, d) in pairwise(ordered))
    assert (ordered[0][1], ordered[-1][1], len(set(ordered))) == (1, 240, 54)


@pytest.mark.parametrize("first", [0x0000, 0x0300, 0x0900, 0x2000, 0x3000, 0xFF00, 0x1D700, 0x1F600])
def test_classes_are_those_by_which_the_library_splits(first):
    byte_level, bert = pre_tokenizers.ByteLevel(add_prefix_space=False), pre_tokenizers.BertPreTokenizer()
    letters, words = read(BYTE_BPE).classes, read(WORDPIECE).classes
    for code in range(first, first + 0x100):
        character = chr(code)
        joined = [len(byte_level.pre_tokenize_str(neighbour + character)) == 1 for neighbour in ("x", "1", "!", "\n")]
        assert joined == [letters[code] == name for name in (LETTER, NUMBER, OTHER, SPACE)]
        count = len(bert.pre_tokenize_str(f"x{character}y"))
        assert count == {OTHER: 1, SPACE: 2, ALONE: 3}[words[code]]


def model(content, **changes):
    return {"model": {**content["model"], **changes}}


UNIGRAM = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.0]], "byte_fallback": False}
PLAIN = {"id": 0, "content": "cat", "special": False} | dict.fromkeys(
    ("lstrip", "rstrip", "normalized", "single_word"), False
)


@pytest.mark.parametrize(
    ("content", "changes", "message"),
    [
        (BYTE_BPE, {"model": UNIGRAM}, "must be BPE or WordPiece, received Unigram"),
        (BYTE_BPE, {"pre_tokenizer": {"type": "BertPreTokenizer"}}, "WordPiece after its pre-tokenizer, received BPE"),
        (BYTE_BPE, model(BYTE_BPE, byte_fallback=True), "BPE without byte_fallback, received True"),
        (BYTE_BPE, model(BYTE_BPE, ignore_merges=True), "BPE without ignore_merges"),
        (BYTE_BPE, model(BYTE_BPE, end_of_word_suffix="</w>"), "must hold every byte, received one without '!</w>'"),
        (BYTE_BPE, {"pre_tokenizer": {"type": "WhitespaceSplit"}}, "must split words as .*WhitespaceSplit"),
        (BYTE_BPE, {"pre_tokenizer": None}, "must split words as .* received the pre-tokenizer null"),
        (BYTE_BPE, {"pre_tokenizer": clip_rule("a|" + CLIP_WORDS)}, "must split words as"),
        (BYTE_BPE, {"normalizer": {"type": "NFKC"}}, "must have a normalizer of .*NFKC"),
        (
            BYTE_BPE,
            {"normalizer": {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}},
            "must have a normalizer without Replace",
        ),
        (
            BYTE_BPE,
            {"added_tokens": [*BYTE_BPE["added_tokens"], {**PLAIN, "id": 999}]},
            r"no added tokens .* \['cat'\]",
        ),
        (
            WORDPIECE,
            model(WORDPIECE, unk_token="[UNK]"),
            r"must hold the unknown token, received one without '\[UNK\]'",
        ),
    ],
)
def test_what_no_graph_can_follow_is_named(content, changes, message):
    with pytest.raises(ValueError, match=message):
        read(content, **changes)
