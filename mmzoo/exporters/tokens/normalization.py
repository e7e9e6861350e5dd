"""What a tokenizer.json does to characters before it looks for words, as tables that any graph can follow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from tokenizers import Regex, normalizers

CODE_POINTS = 0x110000


@dataclass(frozen=True)
class Replace:
    """Each character of the table becomes a string, which may be empty; all others stay."""

    table: Mapping[int, str]


@dataclass(frozen=True)
class Reorder:
    """Unicode's canonical order: each run of combining marks sorted by class, marks of one class left in their order.

    classes: the class of each combining mark, from 1; a character without one ends the run.
    """

    classes: Mapping[int, int]


@dataclass(frozen=True)
class Compose:
    """Unicode's canonical composition: a character and a mark after it become the one character of the pair.

    The mark need not stand next to it, but no mark of the same or a higher class, and no character without a class,
    may stand between.
    """

    pairs: Mapping[tuple[int, int], int]
    classes: Mapping[int, int]


Step = Replace | Reorder | Compose


def normalization_steps(normalizer: Mapping[str, Any] | None) -> tuple[Step, ...]:
    """The steps of a tokenizer.json's normalizer, one after another; neighbouring tables are made one.

    A normalizer that makes runs of white space one space becomes a table that makes each of them a space: the caller
    must not care how many there are.

    Raises: ValueError if the normalizer has no such form.
    """
    return _steps(json.dumps(normalizer))


@lru_cache(maxsize=8)  # a table asks tokenizers about a million characters
def _steps(normalizer: str) -> tuple[Step, ...]:
    joined: list[Step] = []
    for step in _plain_steps(json.loads(normalizer)):
        if joined and isinstance(step, Replace) and isinstance(joined[-1], Replace):
            first, second = joined[-1].table, step.table
            chained = {code: text.translate(second) for code, text in first.items()}
            joined[-1] = Replace({**second, **chained})
        else:
            joined.append(step)
    return tuple(joined)


def _plain_steps(normalizer: Mapping[str, Any] | None) -> Iterable[Step]:
    match normalizer:
        case None:
            return
        case {"type": "Sequence", "normalizers": parts}:
            for part in parts:
                yield from _plain_steps(part)
        case {"type": "Lowercase"}:
            yield Replace(_answers(normalizers.Lowercase()))
        case {"type": "NFD" | "NFC" as form}:
            yield Replace(_decomposition())
            yield Reorder(_classes())
            if form == "NFC":
                yield Compose(_pairs(), _classes())
        case {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}:
            yield Replace(_answers(normalizers.Replace(Regex(r"\s"), " ")))
        case {"type": "BertNormalizer", "lowercase": bool(lower)}:
            accents, clean, chinese = (normalizer[k] for k in ("strip_accents", "clean_text", "handle_chinese_chars"))
            yield Replace(_answers(_bert(clean_text=clean, handle_chinese_chars=chinese)))
            if lower if accents is None else accents:
                yield Replace(_decomposition())
                yield Reorder(_classes())
                yield Replace(_answers(_bert(strip_accents=True)))
            if lower:
                yield Replace(_answers(normalizers.Lowercase()))
        case _:
            raise ValueError(
                "a tokenizer inside a graph must have a normalizer of NFC, NFD, Lowercase, BertNormalizer and "
                rf"Replace(\s+ with one space), received {json.dumps(normalizer):.200}"
            )


def _bert(
    *, clean_text: bool = False, handle_chinese_chars: bool = False, strip_accents: bool = False
) -> normalizers.BertNormalizer:
    return normalizers.BertNormalizer(clean_text, handle_chinese_chars, strip_accents, lowercase=False)


def character_pages() -> Iterator[str]:
    """All characters, 256 neighbours at a time: few pages hold one that a rule is about."""
    for first in range(0, CODE_POINTS, 256):
        if not 0xD800 <= first < 0xE000:  # surrogates are no characters
            yield "".join(map(chr, range(first, first + 256)))


def _answers(normalizer: normalizers.Normalizer, before: str = "", behind: str = "") -> dict[int, str]:
    """What a normalizer makes of each character, between two given strings, where it changes anything.

    The library is asked, not Python's tables: the two follow different versions of Unicode.
    """
    table = {}
    for page in character_pages():
        whole = before + (behind + before).join(page) + behind
        if normalizer.normalize_str(whole) == whole:
            continue
        for character in page:
            asked = before + character + behind
            answer = normalizer.normalize_str(asked)
            if answer != asked:
                table[ord(character)] = answer
    return table


@lru_cache(maxsize=1)
def _decomposition() -> dict[int, str]:
    return _answers(normalizers.NFD())


@lru_cache(maxsize=1)
def _classes() -> dict[int, int]:
    """The class of each combining mark, numbered from 1 in the order in which NFD sorts them."""
    nfd = normalizers.NFD()
    # A mark goes before U+0345, which has the highest class, or behind U+0334, which has the lowest.
    moved = {**_answers(nfd, before="a\u0345"), **_answers(nfd, behind="\u0334")}
    marks = "".join(chr(code) for code in sorted(moved) if code not in _decomposition())
    # Marks of one class keep the order they came in: only they change places when all come in the other order.
    ordered = nfd.normalize_str(marks)
    place = {mark: index for index, mark in enumerate(nfd.normalize_str(marks[::-1]))}
    classes, latest = {ord(ordered[0]): 1}, 1
    for previous, mark in pairwise(ordered):
        latest += place[previous] < place[mark]
        classes[ord(mark)] = latest
    return classes


@lru_cache(maxsize=1)
def _pairs() -> dict[tuple[int, int], int]:
    """Every pair that NFC makes one character, Hangul included."""
    nfc = normalizers.NFC()
    excluded = _answers(nfc)
    return {
        (ord(nfc.normalize_str(whole[:-1])), ord(whole[-1])): code
        for code, whole in _decomposition().items()
        if code not in excluded
    }
