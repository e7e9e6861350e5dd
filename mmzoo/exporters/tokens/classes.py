"""Named classes of strings, so that a difference between two tokenizers can be told in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class StringClass:
    """A class of strings: its name as the manifest shows it, and whether a string belongs to it."""

    name: str
    holds: Callable[[str], bool]

    @classmethod
    def with_any(cls, name: str, characters: str) -> StringClass:
        """Strings with at least one of these characters."""
        wanted = frozenset(characters)
        return cls(name, lambda text: not wanted.isdisjoint(text))

    @classmethod
    def with_category(cls, name: str, *categories: str, but: str = "") -> StringClass:
        """Strings with a character whose Unicode category begins with one of these, those of `but` left out."""
        return cls(name, lambda text: any(unicodedata.category(c).startswith(categories) for c in text if c not in but))

    @classmethod
    def matching(cls, name: str, pattern: str) -> StringClass:
        """Strings in which the regular expression is found."""
        search = re.compile(pattern).search
        return cls(name, lambda text: search(text) is not None)


# Special classes first: a difference is put down to the first that holds.
CLASSES = (
    StringClass.with_any("U+0000", "\0"),
    StringClass.with_any("U+FFFD", "\ufffd"),
    StringClass.with_any("U+096C", "\u096c"),
    StringClass.matching("special tokens spelled out", r"<\|?/?[A-Za-z]+\|?>|\[[A-Z]+\]"),
    StringClass.with_category("control characters", "Cc", but="\t\n\r"),
    StringClass.with_category("format characters", "Cf"),
    StringClass.with_category("unassigned or private-use characters", "Cn", "Co"),
    StringClass.matching("final sigma", r"Σ(?!\w)"),
    StringClass.matching("conjoining Hangul", r"[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]"),
    StringClass.with_category("combining marks", "M"),
    StringClass.with_category("white space other than space", "Z", but=" "),
    StringClass.matching("tabs and line ends", r"[\t\n\r]"),
    StringClass.matching("digits outside ASCII", r"(?![0-9])\d"),
    StringClass.with_category("numbers that are no digits", "Nl", "No"),
    StringClass.matching("characters past U+FFFF", "[\U00010000-\U0010ffff]"),
    StringClass.with_category("symbols", "S"),
    StringClass.matching("letters outside ASCII", r"(?![A-Za-z0-9_])\w"),
    StringClass.matching("contractions", r"['’](?i:s|t|re|ve|m|ll|d)\b"),
    StringClass.matching("runs of white space", r"\s\s"),
    StringClass.with_category("punctuation", "P"),
)
OTHER = "other strings"


def class_of(text: str) -> str:
    """The name of the first class the string belongs to."""
    return next((each.name for each in CLASSES if each.holds(text)), OTHER)
