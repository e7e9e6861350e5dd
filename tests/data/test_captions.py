import unicodedata

import pytest

from mmzoo.data.captions import (
    RemovedCaption,
    clean,
    lower_case,
    normalize_whitespace,
    remove_duplicates_across_images,
    remove_duplicates_within_images,
    remove_stop_words,
)


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("  a \t red\r\n\ncat ", "a red cat"),
        ("数字　七", "数字 七"),
        ("a\u00a0cat\u2009on\u2028a\u0085mat", "a cat on a mat"),
        ("a\x00cat\x1b[0m\x9b", "a cat [0m"),
        ("\ufeffa c\u200ba\u00adt\u2060", "a cat"),
        ("\u202eكلب\u200f!", "كلب!"),
        ("\u200d a \u200c\u200d cat\u200d", "a cat"),
        (" \u200b\u200d\u3000\x00", ""),
        ("", ""),
        ("½ m² Ａ", "½ m² Ａ"),
        ("\ud800 x", "\ud800 x"),
    ],
)
def test_white_space_is_one_space_between_words(caption, expected):
    assert normalize_whitespace(caption) == expected


@pytest.mark.parametrize("caption", ["👨‍👩‍👧 at home", "می‌خواهم", "🏳️‍🌈", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "क्‍ष"])
def test_characters_that_shape_others_stay(caption):
    assert normalize_whitespace(caption) == caption


def test_two_ways_to_write_a_letter_become_one():
    assert normalize_whitespace(unicodedata.normalize("NFD", "café naïve 각")) == "café naïve 각"


@pytest.mark.parametrize(
    ("caption", "expected"), [("A Red CAT", "a red cat"), ("STRAẞE", "straße"), ("ДОМ 七", "дом 七")]
)
def test_lower_case_keeps_the_spelling(caption, expected):
    assert lower_case(caption) == expected


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A photo of the red cat, which IS on a mat.", "photo red cat, on mat."),
        ("Two dogs and no cat to the left of it", "Two dogs no cat to left"),
        ("There’s a “the” cat", "cat"),
        ("Where the is", "Where"),
        ("the a ,", "the a ,"),
        ("To be", "To"),
        ("", ""),
    ],
)
def test_stop_words_go_and_what_is_seen_stays(caption, expected):
    assert remove_stop_words(caption) == expected


def test_own_stop_words_are_matched_in_any_case_and_script():
    assert remove_stop_words("Das Haus und DIE Katze", words=["das", "Und", "die"]) == "Haus Katze"
    assert remove_stop_words("राम की किताब", words=["की"]) == "राम किताब"
    assert remove_stop_words("राम का क", words=["क"]) == "राम का"


def test_a_language_without_a_list_is_an_error():
    with pytest.raises(ValueError, match=r"stop words are kept for \['en'\], received 'zh'"):
        remove_stop_words("数字 七", language="zh")
    with pytest.raises(ValueError, match=r"stop words are kept for \['en'\], received 'zh'"):
        clean([["数字 七"]], stop_words="zh")


def test_duplicates_within_an_image_leave_the_first():
    result = remove_duplicates_within_images([["a", "b", "a", "A"], ["a"], []])
    assert result.captions == (("a", "b", "A"), ("a",), ())
    assert result.removed == (RemovedCaption(0, "a", "repeated within an image"),)


def test_duplicates_across_images_stay_with_the_first_image():
    result = remove_duplicates_across_images([["a", "b", "a"], ["a", "c"], ["b"]])
    assert result.captions == (("a", "b", "a"), ("c",), ())
    assert [(entry.image, entry.caption) for entry in result.removed] == [(1, "a"), (2, "b")]
    assert result.images_without_captions == (2,)


def test_clean_normalizes_before_it_compares():
    captions = [[" a  cat", "a cat", "\u200b", "A cat"], ["a\u3000cat", "cafe\u0301", "café"]]
    result = clean(captions)
    assert result.captions == (("a cat", "A cat"), ("a cat", "café"))
    assert result.removed == (
        RemovedCaption(0, "a cat", "repeated within an image"),
        RemovedCaption(0, "\u200b", "empty"),
        RemovedCaption(1, "café", "repeated within an image"),
    )
    assert result.summary() == "kept 4 of 7 captions: 2 repeated within an image, 1 empty"


def test_clean_with_everything_asked_for():
    captions = [["A photo of the cat", "photo cat"], ["The photo  cat"], ["a dog"]]
    result = clean(captions, lower_case=True, stop_words="en", across_images=True)
    assert result.captions == (("photo cat",), (), ("dog",))
    assert result.summary() == (
        "kept 2 of 4 captions: 1 repeated within an image, 1 repeated across images; images without a caption: 1"
    )


def test_clean_takes_words_as_stop_words():
    assert clean([["一 只 猫"]], stop_words=["只"]).captions == (("一 猫",),)


def test_cleaning_twice_changes_nothing():
    once = clean([["  A\u200d cat\x00 ", "ｅ\u0301 x", "\u202e"], ["İ stanbul"]], lower_case=True)
    twice = clean(once.captions, lower_case=True)
    assert twice.captions == once.captions
    assert twice.removed == ()
    assert twice.summary() == "kept 3 of 3 captions"


def test_what_is_no_list_of_captions_per_image_is_an_error():
    with pytest.raises(
        TypeError, match="captions_per_image must be a list of captions for each image, received 'a cat'"
    ):
        clean(["a cat", "a dog"])
    with pytest.raises(TypeError, match="caption must be a str, received nan"):
        clean([["a", float("nan")]])
    with pytest.raises(TypeError, match="caption must be a str, received b'a'"):
        normalize_whitespace(b"a")
