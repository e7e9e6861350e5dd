"""Cleaning captions: white space, duplicates, case and stop words, as functions that only read and return text."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

# Characters that are neither seen nor shape a neighbour: soft hyphen, zero-width space, word joiner, byte order mark,
# bidirectional marks. Not the zero-width joiners: Persian words and emoji families are spelled with them.
_INVISIBLE = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_LOOSE_JOINERS = re.compile(r"(?<!\S)[\u200c\u200d]+|[\u200c\u200d]+(?!\S)")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

# Words that say how a sentence is built. Numbers, negations and words of place ("two", "no", "on", "left") stay: in a
# caption they say what is to be seen.
_ENGLISH = """
a an the this that these those there here i me my we us our ours you your yours he him his she her hers it its they
them their theirs who whom whose which what am is are was were be been being have has had having do does did doing
could will would shall should may might must and or but nor so as than then if because while although of also too very
just i'm it's he's she's that's there's here's we're they're you're
"""
_STOP_WORDS = {"en": frozenset(_ENGLISH.split())}

Reason = Callable[[int, str], str | None]  # why this caption of this image is left out, or None


@dataclass(frozen=True)
class RemovedCaption:
    """A caption that was left out: the index of its image, its text as it came, and why."""

    image: int
    caption: str
    reason: str


@dataclass(frozen=True)
class CleanedCaptions:
    """Captions per image, in the order they came in, and what was removed from them; an image may have none left."""

    captions: tuple[tuple[str, ...], ...]
    removed: tuple[RemovedCaption, ...]

    @property
    def images_without_captions(self) -> tuple[int, ...]:
        return tuple(image for image, captions in enumerate(self.captions) if not captions)

    def summary(self) -> str:
        """One line with the counts, such as "kept 7 of 9 captions: 2 empty"."""
        kept = sum(map(len, self.captions))
        reasons = Counter(entry.reason for entry in self.removed)
        line = f"kept {kept} of {kept + len(self.removed)} captions"
        if reasons:
            line += ": " + ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        if self.images_without_captions:
            line += f"; images without a caption: {len(self.images_without_captions)}"
        return line


def normalize_whitespace(caption: str) -> str:
    """One space between words and none around them, in Unicode's NFC.

    Every kind of white space (also the ideographic space U+3000 and no-break spaces) and every control character parts
    words; characters that cannot be seen are dropped, zero-width joiners only where they join nothing. NFC, so that é
    typed in two ways is one caption; not NFKC, which would change what is written (½, ², full-width letters).

    Raises: TypeError if caption is no str.
    """
    visible = _INVISIBLE.sub("", _CONTROL.sub(" ", _text(caption)))
    return unicodedata.normalize("NFC", " ".join(_LOOSE_JOINERS.sub("", visible).split()))


def lower_case(caption: str) -> str:
    """The caption in lower case, in NFC; ß stays ß, because the spelling is kept."""
    return _lowered(_text(caption))


def remove_stop_words(caption: str, language: str = "en", words: Collection[str] | None = None) -> str:
    """The caption without the words of a list, whatever their case and the punctuation around them.

    Words are what white space parts, so captions in Chinese, Japanese or Thai must be segmented first. A caption of
    stop words only is returned as it is: an empty one would say less.

    Raises: ValueError if words is None and there is no list for the language.
    """
    return _without(_text(caption), _stop_words(language if words is None else words))


def remove_duplicates_within_images(captions_per_image: Sequence[Sequence[str]]) -> CleanedCaptions:
    """Keeps the first of equal captions of one image; equal means the same characters, so normalize them first."""
    return _sift(captions_per_image, _text, [_repeated_within()])


def remove_duplicates_across_images(captions_per_image: Sequence[Sequence[str]]) -> CleanedCaptions:
    """Keeps a caption only with the first image that has it; equal means the same characters, so normalize them first.

    For captions that should tell images apart. It is no step for classes, whose images rightly share their captions.
    """
    return _sift(captions_per_image, _text, [_repeated_across()])


def clean(
    captions_per_image: Sequence[Sequence[str]],
    *,
    lower_case: bool = False,
    stop_words: str | Collection[str] | None = None,
    across_images: bool = False,
) -> CleanedCaptions:
    """White space, then case and stop words if asked for; then without empty captions and those an image repeats.

    stop_words: a language with a list ("en"), or the words. across_images: also remove_duplicates_across_images.
    The order is kept.

    Raises: TypeError if the captions are not a list of str for each image. ValueError as remove_stop_words.
    """
    unwanted = frozenset[str]() if stop_words is None else _stop_words(stop_words)

    def tidy(caption: str) -> str:
        caption = normalize_whitespace(caption)
        return _without(_lowered(caption) if lower_case else caption, unwanted)

    across = [_repeated_across()] if across_images else []
    return _sift(captions_per_image, tidy, [_empty, _repeated_within(), *across])


def _sift(
    captions_per_image: Sequence[Sequence[str]], tidy: Callable[[str], str], reasons: Sequence[Reason]
) -> CleanedCaptions:
    """Tidies each caption and leaves it out for the first reason found."""
    kept: list[tuple[str, ...]] = []
    removed: list[RemovedCaption] = []
    for image, captions in enumerate(captions_per_image):
        if isinstance(captions, (str, bytes)):
            raise TypeError(f"captions_per_image must be a list of captions for each image, received {captions!r:.60}")
        staying = []
        for caption in captions:
            tidied = tidy(caption)
            why = next((found for reason in reasons if (found := reason(image, tidied))), None)
            if why is None:
                staying.append(tidied)
            else:
                removed.append(RemovedCaption(image, caption, why))
        kept.append(tuple(staying))
    return CleanedCaptions(tuple(kept), tuple(removed))


def _empty(image: int, caption: str) -> str | None:
    return None if caption else "empty"


def _repeated_within() -> Reason:
    seen: set[tuple[int, str]] = set()

    def reason(image: int, caption: str) -> str | None:
        if (image, caption) in seen:
            return "repeated within an image"
        seen.add((image, caption))
        return None

    return reason


def _repeated_across() -> Reason:
    first: dict[str, int] = {}
    return lambda image, caption: None if first.setdefault(caption, image) == image else "repeated across images"


def _text(caption: str) -> str:
    if not isinstance(caption, str):
        raise TypeError(f"caption must be a str, received {caption!r:.60}")
    return caption


def _lowered(caption: str) -> str:
    return unicodedata.normalize("NFC", caption.lower())


def _stop_words(given: str | Collection[str]) -> frozenset[str]:
    """The words of a language, or the given ones, as _bare makes them."""
    if not isinstance(given, str):
        return frozenset(_bare(word) for word in given)
    if given not in _STOP_WORDS:
        raise ValueError(
            f"stop words are kept for {sorted(_STOP_WORDS)}, received {given!r}: give the words themselves"
        )
    return _STOP_WORDS[given]


def _without(caption: str, unwanted: frozenset[str]) -> str:
    if not unwanted:
        return caption
    words = [word for word in caption.split() if _bare(word) not in unwanted]
    return " ".join(words) if any(map(_bare, words)) else caption


def _bare(word: str) -> str:
    """The word in folded case without the punctuation and symbols around it."""
    inner = [index for index, character in enumerate(word) if unicodedata.category(character)[0] not in "PS"]
    return word[inner[0] : inner[-1] + 1].casefold().replace("’", "'") if inner else ""
