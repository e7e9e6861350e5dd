"""What a tokenizer.json says, as plain data: the in-graph forms of every runtime are made from it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from tokenizers import Regex, normalizers, pre_tokenizers

from mmzoo.exporters.tokens.normalization import CODE_POINTS, Step, character_pages, normalization_steps
from mmzoo.tokenizer import Tokenizer
from mmzoo.tokenizer.roles import frame

Kind = Literal["byte_bpe", "clip_bpe", "wordpiece"]

# What a character is to the rules that split a text into words.
OTHER, LETTER, NUMBER, SPACE, ALONE = range(5)

CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")  # of byte_bpe and clip_bpe, lower case only
_CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


@dataclass(frozen=True)
class Definition:
    """A tokenizer: normalise characters, split them into words, split words into pieces, frame the ids.

    kind: "byte_bpe" (words as in GPT-2), "clip_bpe" (words as in CLIP: white space left out, each number alone) or
        "wordpiece" (words as in BERT: white space left out, each punctuation mark alone).
    vocabulary: piece to id; BPE spells each byte of UTF-8 as a character of the byte-level alphabet.
    merges: of BPE, first to last.
    steps: of normalisation.
    classes: for each code point OTHER, LETTER, NUMBER or SPACE for BPE, OTHER, SPACE or ALONE for "wordpiece".
    phrases: special tokens that clip_bpe's rule looks for in front of everything else: no word goes on behind one.
    suffix: what BPE adds to the last byte of a word ("</w>" for CLIP); prefix: what WordPiece puts before a piece
        that does not begin a word ("##").
    leading_space: a space goes before a text that does not begin with one.
    max_characters: a longer word is unknown to WordPiece.
    start, end, pad, unknown: ids; no start for T5-like files, no unknown where nothing is.
    reserved: ids that are dropped from the body of a text.
    longest: characters of the longest token; a text is cut after this times the length of a row.
    """

    kind: Kind
    vocabulary: Mapping[str, int]
    merges: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    classes: bytes
    phrases: tuple[str, ...]
    suffix: str
    prefix: str
    leading_space: bool
    max_characters: int
    start: int | None
    end: int
    pad: int
    unknown: int | None
    reserved: frozenset[int]
    longest: int


def read_definition(tokenizer: Tokenizer) -> Definition:
    """A tokenizer's definition, if it can be followed inside a graph.

    Raises: ValueError naming what cannot, such as a Unigram model, byte fallback or another pre-tokenizer.
    """
    content = json.loads(tokenizer.definition)
    model, normalizer, pre_tokenizer = content["model"], content["normalizer"], content["pre_tokenizer"]
    if model["type"] not in ("BPE", "WordPiece"):
        raise ValueError(f"a tokenizer inside a graph must be BPE or WordPiece, received {model['type']}")
    kind, leading_space, phrases = _splitting(pre_tokenizer)
    _check_model(kind, model)
    plain = [token["content"] for token in content["added_tokens"] if not token["special"]]
    if plain:
        raise ValueError(f"a tokenizer inside a graph must have no added tokens but special ones, received {plain}")
    if kind == "byte_bpe" and '"Replace"' in json.dumps(normalizer):
        raise ValueError(
            "a byte-level BPE inside a graph must have a normalizer without Replace, for it minds how many spaces "
            f"there are, received {json.dumps(normalizer):.200}"
        )
    special = {token["id"] for token in content["added_tokens"]}
    start, end, pad = frame(content["post_processor"])[0], tokenizer.end_id, tokenizer.pad_id
    wordpiece = kind == "wordpiece"
    tokens = {**model["vocab"], **{token["content"]: token["id"] for token in content["added_tokens"]}}
    return Definition(
        kind=kind,
        vocabulary=model["vocab"],
        merges=() if wordpiece else tuple((left, right) for left, right in model["merges"]),
        steps=normalization_steps(normalizer),
        classes=_bert_classes() if wordpiece else _word_classes(),
        phrases=phrases,
        suffix="" if wordpiece else model["end_of_word_suffix"] or "",
        prefix=model["continuing_subword_prefix"] or "",
        leading_space=leading_space,
        max_characters=model["max_input_chars_per_word"] if wordpiece else 0,
        start=start,
        end=end,
        pad=pad,
        unknown=tokenizer.unknown_id,
        # As in Tokenizer: an unknown word belongs to the body, unless its token also means the end or a pad.
        reserved=frozenset(({*special, start, end} - {None}) - ({tokenizer.unknown_id} - {start, end, pad})),
        longest=max(map(len, tokens)),
    )


def _splitting(pre_tokenizer: Mapping[str, Any] | None) -> tuple[Kind, bool, tuple[str, ...]]:
    """The kind, whether a space is put before a text, and the phrases that are words of their own."""
    match pre_tokenizer:
        case {"type": "ByteLevel", "use_regex": True, "add_prefix_space": bool(space)}:
            return "byte_bpe", space, ()
        case {"type": "BertPreTokenizer"}:
            return "wordpiece", False, ()
        case {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Removed", "invert": True},
                {"type": "ByteLevel", "use_regex": bool(regex), "add_prefix_space": False},
            ],
        } if pattern.endswith(_CLIP_WORDS):
            phrases = pattern.removesuffix(_CLIP_WORDS)
            # transformers writes CLIP's start and end tokens there, as text to look for.
            if not phrases or (regex and re.fullmatch(r"(<\\\|[a-z]+\\\|>\|)+", phrases)):
                return "clip_bpe", False, tuple(phrases.replace("\\", "").replace(">|", ">\n").split())
    raise ValueError(
        "a tokenizer inside a graph must split words as GPT-2 (ByteLevel), CLIP (Split, ByteLevel) or BERT "
        f"(BertPreTokenizer), received the pre-tokenizer {json.dumps(pre_tokenizer):.300}"
    )


def _check_model(kind: Kind, model: Mapping[str, Any]) -> None:
    wanted = "WordPiece" if kind == "wordpiece" else "BPE"
    if model["type"] != wanted:
        raise ValueError(
            f"a tokenizer inside a graph must be {wanted} after its pre-tokenizer, received {model['type']}"
        )
    if kind == "wordpiece":
        if model["unk_token"] not in model["vocab"]:
            raise ValueError(f"the vocabulary must hold the unknown token, received one without {model['unk_token']!r}")
        return
    for option in ("dropout", "continuing_subword_prefix", "fuse_unk", "byte_fallback", "ignore_merges"):
        if model[option]:
            raise ValueError(f"a tokenizer inside a graph must be BPE without {option}, received {model[option]!r}")
    suffix = model["end_of_word_suffix"] or ""
    for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
        for piece in (letter, letter + suffix):
            if piece not in model["vocab"]:
                raise ValueError(
                    f"the vocabulary of a byte-level BPE must hold every byte, received one without {piece!r}"
                )


@lru_cache(maxsize=1)
def _word_classes() -> bytes:
    """Letters, numbers and white space as the library's regular expressions see them."""
    classes = bytearray(CODE_POINTS)
    for name, pattern in ((LETTER, r"\p{L}"), (NUMBER, r"\p{N}"), (SPACE, r"\s")):
        remover = normalizers.Replace(Regex(pattern), "")
        for page in character_pages():
            for character in set(page).difference(remover.normalize_str(page)):
                classes[ord(character)] = name
    return bytes(classes)


@lru_cache(maxsize=1)
def _bert_classes() -> bytes:
    """White space and punctuation as BertPreTokenizer sees them: the one is in no word, the other a word by itself."""
    classes = bytearray(CODE_POINTS)
    splitter = pre_tokenizers.BertPreTokenizer()
    for page in character_pages():
        text = "a" + "a".join(page) + "a"
        words = splitter.pre_tokenize_str(text)
        if len(words) > 1:
            outside = set(page).difference(*(word for word, _ in words))
            alone = {word for word, _ in words if len(word) == 1} - {"a"}
            for name, characters in ((SPACE, outside), (ALONE, alone)):
                for character in characters:
                    classes[ord(character)] = name
    return bytes(classes)
