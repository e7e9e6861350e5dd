"""Generated strings that in-graph tokenizers are compared on, from edge cases to captions."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable


def fuzz_corpus(count: int, seed: int = 0) -> list[str]:
    """Strings in many scripts, made to find where two tokenizers part; the same seed gives the same strings.

    The first ones are edge cases written by hand (empty, white space, NUL, special tokens spelled out); the rest mix
    caption-like English, words of sixteen scripts, digits, punctuation, emoji, white space and control characters.

    Raises: ValueError if count is negative.
    """
    if count < 0:
        raise ValueError(f"count must be at least 0, received {count}")
    generator = random.Random(seed)
    return [*EDGE_CASES[:count], *(_text(generator) for _ in range(count - len(EDGE_CASES)))]


SPECIAL_TOKENS = (
    *("<pad>", "<start>", "<end>", "<mask>", "<unk>", "<en>", "<s>", "</s>"),
    *("<|startoftext|>", "<|endoftext|>", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]"),
)
EDGE_CASES = (
    *("", " ", "   ", "\t", "\n", "\r\n", " \n ", "\u00a0", "\u3000", "\u200b", "\ufeff", "\0", "\ufffd"),
    *("\u096c", "a\0b"),
    *("a photo of a dog", "A Photo of a DOG.", " leading", "trailing ", "two  spaces", "three   spaces  and two"),
    *("tab\tbetween", "line\nbetween", "line \n between", "a\n\nb", "  \n\t  x", "x  \n\t  ", "a \u00a0 b", "a\u2003b"),
    *("it's", "don't", "we're they've I'm you'll he'd", "IT'S DON'T", "it’s", "'s", " 's", "''s't"),
    *("rock 'n' roll", "s'"),
    *("3.14", "14", "2024-01-02", "1,000,000", "٣١٤", "१४", "१६", "໓ ๓", "½ ² Ⅷ ①", "a1b2c3", "x86_64", "12abc34"),
    *("café", "cafe\u0301", "ÅNGSTRÖM", "A\u030angstro\u0308m", "Straße", "STRASSE ẞ", "İstanbul"),
    *("I\u0307", "ıi", "ǅ ǆ Ǆ"),
    *("ΟΔΥΣΣΕΥΣ", "ΣΑΣ Σ", "ὈΔΥΣΣΕΎΣ.", "ΑΣ̈", "Σ'Σ", "σς", "ΜΕΓΑΣ123", "Привет, мир!", "ЁЖ ё", "Й и\u0306"),
    *("שלום עולם", "שָׁלוֹם", "مرحبا بالعالم", "السَّلامُ", "ﷺ", "नमस्ते", "क़ क\u093c", "สวัสดี", "น้ำ"),
    *("한국어", "\u1112\u1161\u11ab"),
    *("你好，世界", "東京タワー", "カ\u3099 ガ", "ｶﾞ", "ﬁ ﬂ", "ＡＢＣ１２３", "𝔸𝕓ℂ", "𠀀𠮷", "Å Ω K"),
    *("e\u0301\u0302\u0327", "\u0301", " \u0301a"),
    *("👍", "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "❤️ ❤", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "a👍b", "👍 👍", "\u200d", "\ufe0f"),
    *("\x01", "a\x07b", "\x1b[0m", "\x7f", "a\x80b", "a\x85b", "\x1c\x1d\x1e\x1f", "\x0b\x0c"),
    *("soft\u00adhyphen", "a\u200eb\u200f"),
    *("\u2028\u2029", "a\u180eb", "\u2060", "\ue000", "\U0010ffff", "\uffff", "\u0378", "\U000e0001", "\ufff9"),
    *("...", "?!", "!!!???", "--", "—", "“quoted”", "«a»", "¿qué?", "$5", "€5", "50%", "#tag @user", "a_b"),
    *("a/b\\c", "(a)[b]{c}"),
    *("http://example.org/?q=1&r=2", "me@example.org", "C++ C#", "<b>bold</b>", "&amp;", "`code`", "~^|"),
    *("+-*/=", "a's'b"),
    *SPECIAL_TOKENS,
    *(" <end> ", "a<end>b", "a <end> photo", "<END>", "<|ENDOFTEXT|>", "< end >", "<end"),
    *("a photo<|endoftext|>of", "[ cls ]"),
    *("##ing", "##", "Ġ", "Ċ", "a</w>", "</w>", "▁", "Ġa", "Â", "\u0120a", "Ã©"),
    *("a" * 300, "ab" * 200, "aA" * 60, "1" * 120, "!" * 90, " " * 70, "\n" * 40, "é" * 150, "漢" * 120),
    *("👍" * 80, "a " * 150),
)

_SCRIPTS = {
    "Latin": "AZaz\u00c0\u024f\u1e00\u1eff\u0250\u02af",
    "Cyrillic": "\u0410\u044f\u0400\u045f\u0460\u052f",
    "Greek": "\u0391\u03c9\u0370\u03ff\u1f00\u1fff\u0391\u03a9" + 8 * "ΣΣ",
    "Armenian": "\u0531\u0556\u0561\u0587",
    "Georgian": "\u10a0\u10ff\u1c90\u1cbf",
    "Hebrew": "\u05d0\u05ea\u05b0\u05c7",
    "Arabic": "\u0620\u065f\u0670\u06d3\ufe70\ufefc",
    "Devanagari": "\u0900\u097f",
    "Bengali": "\u0980\u09ff",
    "Tamil": "\u0b80\u0bff",
    "Thai": "\u0e01\u0e3a\u0e40\u0e5b",
    "Hangul": "\uac00\ud7a3\u1100\u11ff\u3131\u318e",
    "CJK": "\u4e00\u9fff\u3400\u4dbf\U00020000\U0002a6d0\uf900\ufad9",
    "Kana": "\u3041\u3096\u30a1\u30fa\u3099\u309e\uff66\uff9f",
    "Ethiopic": "\u1200\u137c",
    "Cherokee": "\u13a0\u13f5\uab70\uabbf",
}
_MARKS = "\u0300\u036f\u0483\u0487\u0591\u05bd\u064b\u0655\u093c\u094d\u20d0\u20f0\ufe20\ufe2f"
_DIGITS = "09\u0660\u0669\u06f0\u06f9\u0966\u096f\u0e50\u0e59\uff10\uff19\U0001d7ce\U0001d7ff"
_NUMBERS = "\u00b2\u00b3\u00bc\u00be\u2070\u2079\u2150\u218b\u2460\u249b\u3021\u3029\u3220\u3229"
_PUNCTUATION = "!/:@[`{~\u00a1\u00bf\u2010\u2027\u2030\u205e\u3001\u301f\uff01\uff0f\u0589\u058a\u060c\u061f"
_SYMBOLS = "\u20a0\u20c0\u2100\u214f\u2190\u21ff\u2200\u22ff\u2500\u257f\u02c2\u02df\U0001d400\U0001d433\u3300\u3357"
_EMOJI = "\U0001f600\U0001f64f\U0001f300\U0001f5ff\U0001f680\U0001f6c5\U0001f900\U0001f9ff\u2600\u26ff\u2702\u27b0"
_CONTROLS = "\x01\x08\x0e\x1f\x7f\x9f\u200b\u200f\u202a\u202e\u2060\u2064\ufeff\ufeff\u00ad\u00ad\ue000\ue00f\0\0"
_SPACES = "\t\r\x1c\x1f\u0085\u0085\u00a0\u00a0\u1680\u1680\u2000\u200a\u2028\u2029\u202f\u202f\u205f\u205f\u3000\u3000"
_ADJECTIVES = (
    "red",
    "blue",
    "small",
    "large",
    "old",
    "wooden",
    "Black",
    "bright",
    "two",
    "three",
    "4",
    "12",
    "best-known",
)
_NOUNS = (
    "dog",
    "cats",
    "triangle",
    "street",
    "kitchen",
    "tennis",
    "BMW",
    "New York",
    "man's",
    "girl's",
    "bus",
    "T-shirt",
)
_VERBS = (
    "sits on",
    "is standing next to",
    "rides",
    "doesn't like",
    "holding",
    "and",
    ", seen from",
    "at",
    "we're watching",
)
_MODIFIERS = ("\U0001f3fb", "\U0001f3fd", "\U0001f3ff", "\ufe0f", "\u200d", "\u20e3")


def _characters(ranges: str) -> str:
    """Every assigned character of the ranges, which are written as pairs: first, last, first, last."""
    points = (range(ord(first), ord(last) + 1) for first, last in zip(ranges[::2], ranges[1::2], strict=True))
    return "".join(chr(point) for each in points for point in each if unicodedata.category(chr(point)) != "Cn")


_ALPHABETS = tuple(_characters(ranges) for ranges in _SCRIPTS.values())
_POOLS = {
    name: _characters(ranges)
    for name, ranges in {
        "marks": _MARKS,
        "digits": _DIGITS,
        "numbers": _NUMBERS,
        "punctuation": _PUNCTUATION,
        "symbols": _SYMBOLS,
        "emoji": _EMOJI,
        "controls": _CONTROLS,
        "spaces": _SPACES,
    }.items()
}


def _text(generator: random.Random) -> str:
    return generator.choice((_caption, _script, _script, _mixture, _mixture, _noise))(generator)


def _caption(generator: random.Random) -> str:
    """English as people caption pictures, now and then shouted, with a number or without spaces in place."""
    words = [generator.choice(("a", "A", "the", "The", "some", "a photo of a", "an image of the"))]
    words += [generator.choice(_ADJECTIVES), generator.choice(_NOUNS)]
    if generator.random() < 0.7:
        words += [generator.choice(_VERBS), generator.choice(("a", "the", "its")), generator.choice(_NOUNS)]
    text = generator.choice((" ", " ", " ", "  ", ", ", "-")).join(words) + generator.choice(
        ("", ".", "!", " ...", "\n", "’s")
    )
    return generator.choice((text, text, text, text.upper(), text.title(), text + str(generator.randrange(10**6))))


def _script(generator: random.Random) -> str:
    """Words of one script, with its upper and lower case, and sometimes with marks and decomposed."""
    alphabet = generator.choice(_ALPHABETS)
    text = " ".join(_word(generator, alphabet) for _ in range(generator.randint(1, 7)))
    return generator.choice(
        (text, text, text.upper(), unicodedata.normalize("NFD", text), unicodedata.normalize("NFC", text))
    )


def _mixture(generator: random.Random) -> str:
    """Words, digits, punctuation, emoji, white space and special tokens side by side."""
    return "".join(generator.choice(_PIECES)(generator) for _ in range(generator.randint(1, 14)))


def _noise(generator: random.Random) -> str:
    """Any assigned characters at all."""
    points = (generator.choice((0x250, 0x3000, 0xD800, 0x20000)) for _ in range(generator.randint(1, 30)))
    return "".join(
        c for point in points if unicodedata.category(c := chr(generator.randrange(point))) not in ("Cn", "Cs")
    )


def _word(generator: random.Random, alphabet: str) -> str:
    letters = generator.choices(alphabet, k=generator.randint(1, 9))
    if generator.random() < 0.2:
        letters.insert(generator.randint(0, len(letters)), generator.choice(_POOLS["marks"]))
    return "".join(letters)


def _run(name: str, longest: int) -> Callable[[random.Random], str]:
    """Draws a run of one to `longest` characters of a pool."""
    return lambda generator: "".join(generator.choices(_POOLS[name], k=generator.randint(1, longest)))


def _emoji(generator: random.Random) -> str:
    """An emoji with a skin tone, a flag of two letters, or several joined into one."""
    one, other = generator.choices(_POOLS["emoji"], k=2)
    flag = "".join(chr(0x1F1E6 + generator.randrange(26)) for _ in range(2))
    return generator.choice((one, one + generator.choice(_MODIFIERS), f"{one}\u200d{other}\ufe0f", flag))


_PIECES: tuple[Callable[[random.Random], str], ...] = (
    lambda generator: _word(generator, generator.choice(_ALPHABETS)),
    lambda generator: _word(generator, _ALPHABETS[0][:52]),
    lambda generator: generator.choice(_NOUNS),
    lambda generator: generator.choice(_NOUNS) + generator.choice(("'s", "'t", "'re", "’s", "'S", "'LL", "'d")),
    lambda generator: generator.choice((" ", " ", " ", "  ", "   ", "\n", " \n")),
    lambda generator: " ",
    lambda generator: str(generator.randrange(10 ** generator.randint(1, 9))),
    lambda generator: generator.choice(SPECIAL_TOKENS),
    _emoji,
    _run("digits", 5),
    _run("numbers", 2),
    _run("punctuation", 3),
    _run("symbols", 2),
    _run("marks", 2),
    _run("spaces", 3),
    _run("controls", 1),
)
