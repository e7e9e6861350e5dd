"""Reads a caption back: what does it claim? Strict, so that a caption is not credited for words nobody can judge."""

from __future__ import annotations

import re
from itertools import chain

from mmzoo.data.scenes.description import Attributes, Description
from mmzoo.data.scenes.vocabulary import BACKGROUNDS, COLOURS, RELATIONS, SHAPES, SIZES
from mmzoo.data.scenes.words import CHINESE, LANGUAGES, SYNONYMS, is_chinese, word

_FILLERS = {
    "en": "a an the of on with and in against there is are picture image photo background to",
    "zh": "一个 一张 图片 图 在 有 还有 和 背景 底 上 中 是 的 ， 。 ： 、",
}
_EXTRA = {
    "en": {"grey": "gray", "tiny": "small", "under": "below", "to the left": "left of", "to the right": "right of"},
    "zh": {"方形": "square", "左方": "left of", "右方": "right of", "上边": "above", "下边": "below"},
}
_BARE_COLOURS = {CHINESE[name].removesuffix("色"): name for name in chain(COLOURS, BACKGROUNDS)}


def _lexicon(language: str) -> dict[str, str]:
    names = [*SHAPES, *COLOURS, *SIZES, *BACKGROUNDS, *RELATIONS]
    known = dict.fromkeys(_FILLERS[language].split(), "")
    known |= {word(name, language): name for name in names}
    known |= {synonym: name for name, synonym in SYNONYMS[language].items()}
    return known | _EXTRA[language] | (_BARE_COLOURS if language == "zh" else {})


_LEXICONS = {language: _lexicon(language) for language in LANGUAGES}
_WORD_END = {"en": r"\b", "zh": ""}
_TOKENS = {
    # Longest first, so that 三角形 is not read as 三角 and a remainder; English words must end where the token ends.
    language: re.compile(
        "|".join(re.escape(entry) + _WORD_END[language] for entry in sorted(lexicon, key=len, reverse=True))
    )
    for language, lexicon in _LEXICONS.items()
}


def parse_caption(text: str) -> Description | None:
    """What a caption claims, in English or Chinese; None if some of its words, or their order, are not understood.

    What the caption leaves out is None. Understands every wording of `caption` and free variations of them.
    """
    language = "zh" if is_chinese(text) else "en"
    names = _names(text, language)
    return None if names is None else _read(names, relation_follows=language == "zh")


def _names(text: str, language: str) -> list[str] | None:
    """The text as vocabulary words, "" for a filler; None if there is an unknown word."""
    text = re.sub(r"[\s,.;:]+", " ", text.lower()).strip()
    names, position = [], 0
    while position < len(text):
        found = _TOKENS[language].match(text, position)
        if found is None:
            return None
        position = found.end() + (text[found.end() : found.end() + 1] == " ")
        if found.group() != "的":  # the one filler that stands inside of a noun phrase
            names.append(_LEXICONS[language][found.group()])
    return names


def _read(names: list[str], *, relation_follows: bool) -> Description | None:
    objects: list[Attributes] = []
    relations: set[tuple[int, str, int]] = set()
    background: str | None = None
    colour = size = relation = None
    for name, following in zip(names, [*names[1:], ""], strict=False):
        if name in COLOURS and colour is None:
            colour = name
        elif name in SIZES and size is None:
            size = name
        elif name in SHAPES:
            objects.append(Attributes(name, colour, size))
            if relation is not None:
                relations.add((len(objects) - 2, relation, len(objects) - 1))
            colour = size = relation = None
        elif colour or size:  # an adjective that no shape follows, or two of a kind
            return None
        elif name in BACKGROUNDS and background is None and following not in {*SHAPES, *SIZES, *COLOURS}:
            background = name
        elif name in RELATIONS and relation_follows and len(objects) > 1:
            relations.add((len(objects) - 2, name, len(objects) - 1))
        elif name in RELATIONS and not relation_follows and objects and relation is None:
            relation = name
        elif name:
            return None
    if not objects or colour or size or relation:
        return None
    return Description(tuple(objects), background, frozenset(relations))
