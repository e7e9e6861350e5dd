"""The Tokenizer: rows of token ids from captions, and captions from rows."""

from __future__ import annotations

import json
import operator
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.atomic import whole_file
from mmzoo.tokenizer.learning import learn
from mmzoo.tokenizer.roles import declared_roles, frame, parse, with_roles
from mmzoo.tokenizer.texts import as_texts


class Tokenizer:
    """Rows of token ids from captions for a text encoder: [start] [language] body [end], then pads.

    definition: the text of a tokenizer.json. Everything is read from it, so there is no second file to lose: start and
    end from its post-processor; pad from its padding section, else a special token spelled pad, else the end token (as
    CLIP does); unknown from its model; mask and language tags from the entries "mask" and "language:xx" of its
    template, else special tokens spelled mask and <xx>.

    Attributes: definition; vocab_size, the highest id + 1; pad_id, start_id, end_id, a ValueError when asked for
    and not in the file; mask_id and unknown_id, or None; language_ids, such as {"en": 5}.

    Special tokens spelled out in a caption stay text. No text fails: invalid UTF-8, lone surrogates and NUL become
    U+FFFD.

    Raises: ValueError if definition is no tokenizer.json or puts several tokens before or after a text.
    """

    def __init__(self, definition: str) -> None:
        self._encoder = parse(definition)
        self.definition: str = self._encoder.to_str(pretty=True)
        self._encoder.no_padding()
        self._encoder.no_truncation()
        self._encoder.encode_special_tokens = True

        content: dict[str, Any] = json.loads(self.definition)
        special = {token["content"]: token["id"] for token in content["added_tokens"] if token["special"]}
        vocabulary = self._encoder.get_vocab()
        self.vocab_size: int = max(vocabulary.values(), default=-1) + 1
        self._longest_token = max(map(len, vocabulary), default=1)
        self._word_suffix: str = content["model"].get("end_of_word_suffix") or ""

        self._start, self._end = frame(content["post_processor"])
        spelled = {re.sub("[^a-z]", "", token.lower()): index for token, index in special.items()}
        self._pad: int | None = content["padding"]["pad_id"] if content["padding"] else spelled.get("pad", self._end)
        unknown = content["model"].get("unk_id", content["model"].get("unk_token"))
        self.unknown_id: int | None = vocabulary.get(unknown) if isinstance(unknown, str) else unknown
        self.mask_id, self.language_ids = declared_roles(content["post_processor"])
        if self.mask_id is None:
            self.mask_id = spelled.get("mask")
        if not self.language_ids:
            self.language_ids = {token[1:-1]: i for token, i in special.items() if re.fullmatch("<[a-z]{2}>", token)}

        self._hidden = {*special.values(), self._start, self._end} - {None}
        # An unknown word belongs to the body, unless its token also means the end (CLIP's does) or a pad.
        self._reserved = self._hidden - ({self.unknown_id} - {self._start, self._end, self._pad})

    @classmethod
    def train(
        cls,
        captions: Iterable[str | bytes],
        vocab_size: int = 8192,
        *,
        kind: str = "byte_bpe",
        lower_case: bool = False,
        languages: Sequence[str] = (),
    ) -> Tokenizer:
        """Learns byte-level BPE as in GPT-2 (arXiv:1508.07909), or "wordpiece" as in BERT (arXiv:1810.04805).

        vocab_size is the most tokens there may be; few captions give fewer. The ids 0 to 4 are <pad>, <start>, <mask>,
        <end> and <unk>; the tags of languages ("en" is <en>) follow. The same captions give the same file. Byte-level
        BPE has a token for every byte, so nothing is unknown to it. Exported files with the tokenizer inside reproduce
        both kinds exactly.

        Raises: TypeError if a caption is no text. ValueError if there is nothing to learn from, kind is unknown, a
        language is no tag such as "en" or "zh-hant", or vocab_size has no room for the bytes or characters.
        """
        return cls(learn(captions, vocab_size, kind, lower_case, languages).to_str())

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        pad: str | None = None,
        start: str | None = None,
        end: str | None = None,
        mask: str | None = None,
        unknown: str | None = None,
    ) -> Tokenizer:
        """Reads a tokenizer.json; a token named for a role replaces what the file says, also in what `save` writes.

        Raises: FileNotFoundError. ValueError if the file is no tokenizer.json or has no such token.
        """
        path = Path(path)
        try:
            definition = parse(path.read_bytes().decode("utf-8")).to_str()
        except ValueError as error:
            reason = error.__cause__ or error
            raise ValueError(f"{path.name} must be a tokenizer.json, received one that is refused: {reason}") from error
        return cls(with_roles(definition, pad=pad, start=start, end=end, mask=mask, unknown=unknown))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes tokenizer.json whole or not at all: a temporary file beside it, then a rename."""
        with whole_file(Path(path)) as temporary:
            temporary.write_text(self.definition, encoding="utf-8", newline="\n")

    def __call__(self, texts: Iterable[str | bytes], length: int, language: str | None = None) -> np.ndarray:
        """Token ids (B, length) int32 of B texts: [start] [language tag, if asked for] body [end], then pads.

        language: of all texts; by default each `Tagged` text has its own, and others none.

        A body that is too long loses its tail and keeps the end token. A file whose template has no start (T5) gives
        rows without one. A text is cut after length * (characters of the longest token) characters before it is
        tokenized, so that 1 MB costs what a page does; the tokens of a row cannot reach further in practice.

        Raises: TypeError if a text is neither str nor bytes (None and nan are none). ValueError if length has no room
        for the special tokens and one more, or the file has no such language, no pad or no end.
        """
        texts = texts if isinstance(texts, (str, bytes)) else list(texts)
        languages = [getattr(text, "language", None) if language is None else language for text in texts]
        for each in (language, *languages):
            if each is not None and each not in self.language_ids:
                raise ValueError(f"language must be one of {sorted(self.language_ids)}, received {each!r}")
        start = [] if self._start is None else [self._start]
        longest = len(start) + any(each is not None for each in (*languages, language)) + 1
        if operator.index(length) < max(2, longest):
            raise ValueError(f"length must be at least {max(2, longest)}, received {length}")
        cut = list(as_texts(texts, length * self._longest_token))
        end, pad = self.end_id, self.pad_id
        ids = np.full((len(cut), length), pad, np.int32)
        encoded = self._encoder.encode_batch_fast(cut, add_special_tokens=False)
        for row, encoding, each in zip(ids, encoded, languages, strict=True):
            body = encoding.ids
            if not self._reserved.isdisjoint(body):  # Unigram finds "</s>" among its pieces, whatever it is told
                body = [index for index in body if index not in self._reserved]
            before = start if each is None else [*start, self.language_ids[each]]
            tokens = [*before, *body[: length - len(before) - 1], end]
            row[: len(tokens)] = tokens
        return ids

    def decode(self, ids: np.ndarray | Sequence[Sequence[int]]) -> list[str]:
        """Texts of rows of ids, each up to its end token, without special tokens.

        Raises: ValueError if ids is not (B, T), or an id is negative.
        """
        if any(np.ndim(row) != 1 for row in ids):
            raise ValueError(f"ids must be rows of token ids (B, T), received shape {np.shape(ids)}")
        bodies = [self._body([operator.index(index) for index in row]) for row in ids]
        texts = self._encoder.decode_batch(bodies, skip_special_tokens=False)
        # CLIP's file marks the end of a word in its tokens and leaves it to the reader to make that a space.
        return [text.replace(self._word_suffix, " ").strip() for text in texts] if self._word_suffix else texts

    def _body(self, ids: list[int]) -> list[int]:
        if min(ids, default=0) < 0:
            raise ValueError(f"ids must be at least 0, received {min(ids)}")
        if ids and ids[0] == self._start:
            ids = ids[1:]
        if self._end in ids:
            ids = ids[: ids.index(self._end)]
        return [index for index in ids if index not in self._hidden]

    @property
    def pad_id(self) -> int:
        return _known("pad", self._pad)

    @property
    def start_id(self) -> int:
        return _known("start", self._start)

    @property
    def end_id(self) -> int:
        return _known("end", self._end)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.definition == other.definition

    def __hash__(self) -> int:
        return hash(self.definition)

    def __reduce__(self) -> tuple[type[Tokenizer], tuple[str]]:
        # A pickled tokenizers.Tokenizer forgets encode_special_tokens: "<end>" in a caption would end it.
        return (type(self), (self.definition,))

    def __repr__(self) -> str:
        return f"Tokenizer(vocab_size={self.vocab_size}, languages={sorted(self.language_ids)})"


def _known(role: str, index: int | None) -> int:
    if index is None:
        raise ValueError(
            f"tokenizer.json must name the {role} token, received one without: give it in from_file(path, {role}=...)"
        )
    return index
