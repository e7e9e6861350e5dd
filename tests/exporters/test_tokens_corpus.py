"""The generated strings, the classes they fall into, and the comparison of two tokenizers on them."""

import pytest

from mmzoo.exporters.tokens import TokenDifferenceError, compare_tokens, fuzz_corpus
from mmzoo.exporters.tokens.classes import CLASSES, OTHER, StringClass, class_of
from mmzoo.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(["a red dog", "a café", "zwei Hunde"], 320)


def test_a_seed_gives_the_same_strings_and_another_seed_others():
    strings = fuzz_corpus(1000)
    assert strings == fuzz_corpus(1000)
    assert strings[:600] == fuzz_corpus(600)
    assert len(set(strings) - set(fuzz_corpus(1000, seed=1))) > 700
    assert (fuzz_corpus(0), fuzz_corpus(1)) == ([], [""])


def test_strings_are_valid_unicode_of_every_class_and_script():
    strings = fuzz_corpus(3000)
    assert "\n".join(strings).encode("utf-8").decode("utf-8") == "\n".join(strings)
    assert min(sum(each.holds(text) for text in strings) for each in CLASSES if each.name != "U+FFFD") >= 5
    text = "".join(strings)
    for first, last in ["az", "àÿ", "ая", "αω", "את", "ءي", "कह", "กฮ", "가힣", "一龥", "ぁん", "ァン", "٠٩", "०९"]:
        assert {chr(code) for code in range(ord(first), ord(last) + 1)} & set(text)
    assert max(map(len, strings)) >= 300


def test_count_must_not_be_negative():
    with pytest.raises(ValueError, match="count must be at least 0, received -1"):
        fuzz_corpus(-1)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a\0b", "U+0000"),
        ("१६", "U+096C"),
        ("a <end>", "special tokens spelled out"),
        ("a\x07", "control characters"),
        ("a\u200db", "format characters"),
        ("ΟΔΟΣ", "final sigma"),
        ("cafe\u0301", "combining marks"),
        ("a\u00a0b", "white space other than space"),
        ("٣", "digits outside ASCII"),
        ("½", "numbers that are no digits"),
        ("café", "letters outside ASCII"),
        ("it's", "contractions"),
        ("a  b", "runs of white space"),
        ("a, b", "punctuation"),
        ("a dog", OTHER),
    ],
)
def test_a_string_is_put_into_the_most_special_class(text, name):
    assert class_of(text) == name


def test_equal_ids_are_no_differences(tokenizer):
    found = compare_tokens(tokenizer, 8, lambda texts: tokenizer(texts, 8), fuzz_corpus(600))
    assert (found.compared, found.differing, found.examples, found.classes, found.declared) == (600, 0, (), {}, {})


def test_differences_are_counted_by_class_and_shown_shortest_first(tokenizer):
    def run(texts):
        return tokenizer([text.replace("é", "e").replace("\x07", "") for text in texts], 8)

    texts = ["a dog", "a café", "café", "a\x07", *["x"] * 600, "é"]
    found = compare_tokens(tokenizer, 8, run, texts)
    assert (found.compared, found.differing) == (605, 4)
    assert found.classes == {"letters outside ASCII": 3, "control characters": 1}
    assert [example.text for example in found.examples] == ["é", "a\x07", "café", "a café"]
    start, end, e = tokenizer.start_id, tokenizer.end_id, tokenizer(["e"], 8)[0, 1]
    assert found.examples[0].found == (start, e, end)


def test_declared_classes_are_counted_apart(tokenizer):
    bells = StringClass.with_any("bells", "\x07")
    found = compare_tokens(
        tokenizer,
        8,
        lambda texts: tokenizer([text.replace("\x07", "") for text in texts], 8),
        ["a\x07", "\x07", "a"],
        cannot_follow=(bells,),
    )
    assert (found.differing, found.examples, found.classes, found.declared) == (0, (), {}, {"bells": 2})


def test_the_error_shows_the_strings_in_one_sentence(tokenizer):
    found = compare_tokens(tokenizer, 6, lambda texts: tokenizer(["b" for _ in texts], 6), ["b", "é"])
    (expected,), (other,) = tokenizer(["é"], 6).tolist(), tokenizer(["b"], 6).tolist()
    expected, other = ([index for index in ids if index != tokenizer.pad_id] for ids in (expected, other))
    assert str(TokenDifferenceError(found)) == (
        "the tokenizer inside the graph must give the ids of tokenizer.json, received others for 1 of 2 strings "
        rf"(letters outside ASCII: 1), such as '\xe9' gave {other} for {expected}; "
        "allow_token_differences=True keeps it and names the classes in the manifest"
    )
    assert isinstance(TokenDifferenceError(found), ValueError)


def test_a_graph_must_give_rows_of_the_length(tokenizer):
    with pytest.raises(ValueError, match=r"run must give ids of shape \(1, 6\), received \(1, 5\)"):
        compare_tokens(tokenizer, 6, lambda texts: tokenizer(texts, 5), ["a"])
