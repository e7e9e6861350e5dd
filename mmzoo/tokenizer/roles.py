"""Where tokenizer.json says which token pads, starts, ends, masks, is unknown or names a language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import tokenizers
from tokenizers import processors

# Entries of the template's special_tokens that the template itself does not use: other readers of the file skip them.
MASK = "mask"
LANGUAGE = "language:"


def parse(definition: str) -> tokenizers.Tokenizer:
    """The tokenizers object of a tokenizer.json's text.

    Raises: ValueError if the library cannot read it.
    """
    try:
        return tokenizers.Tokenizer.from_str(definition)
    except Exception as error:  # the library raises nothing more specific
        raise ValueError(
            f"definition must be a tokenizer.json, received text that tokenizers refuses: {error}"
        ) from error


def frame(post_processor: Mapping[str, Any] | None) -> tuple[int | None, int | None]:
    """The ids put before and after a text, None where there is none.

    Raises: ValueError if there are several on one side: captions have one start and one end.
    """
    sides: tuple[list[int], list[int]] = ([], [])
    for step in _steps(post_processor):
        if step["type"] in ("BertProcessing", "RobertaProcessing"):
            sides = ([step["cls"][1]], [step["sep"][1]])
        elif step["type"] == "TemplateProcessing":
            side = 0
            for piece in step["single"]:
                if "Sequence" in piece:
                    side = 1
                else:
                    sides[side].extend(step["special_tokens"][piece["SpecialToken"]["id"]]["ids"])
    before, after = sides
    if len(before) > 1 or len(after) > 1:
        raise ValueError(
            f"a template must have at most one token before and one after a text, received ids {before} and {after}; "
            "name them with start= and end="
        )
    return (before[0] if before else None), (after[0] if after else None)


def declared_roles(post_processor: Mapping[str, Any] | None) -> tuple[int | None, dict[str, int]]:
    """The mask id and the ids of language tags that a file written by this library declares in its template."""
    entries = {
        name: entry["ids"][0]
        for step in _steps(post_processor)
        if step["type"] == "TemplateProcessing"
        for name, entry in step["special_tokens"].items()
    }
    tags = {name.removeprefix(LANGUAGE): index for name, index in entries.items() if name.startswith(LANGUAGE)}
    return entries.get(MASK), tags


def template(
    encoder: tokenizers.Tokenizer, start: str | None, end: str | None, mask: str | None, tags: Mapping[str, str]
) -> processors.TemplateProcessing:
    """A post-processor that frames a text with start and end, and declares mask and the language tags."""
    declared = {} if mask is None else {MASK: mask}
    declared |= {LANGUAGE + language: token for language, token in tags.items()}
    framing = {token: token for token in (start, end) if token is not None}
    return processors.TemplateProcessing(
        single=[piece for piece in (start, "$A", end) if piece is not None],
        special_tokens=[
            {"id": name, "ids": [encoder.token_to_id(token)], "tokens": [token]}
            for name, token in (framing | declared).items()
        ],
    )


def with_roles(
    definition: str, *, pad: str | None, start: str | None, end: str | None, mask: str | None, unknown: str | None
) -> str:
    """The definition with the named tokens in their roles, written where this module reads them.

    Raises: ValueError if a token is not in the vocabulary.
    """
    encoder = parse(definition)
    content = json.loads(definition)
    for role, token in {"pad": pad, "start": start, "end": end, "mask": mask, "unknown": unknown}.items():
        if token is not None and encoder.token_to_id(token) is None:
            raise ValueError(f"{role} must be a token of the vocabulary, received {token!r}")
    if pad is not None:
        encoder.enable_padding(pad_id=encoder.token_to_id(pad), pad_token=pad)
    if not (start is None and end is None and mask is None):
        if start is None or end is None:
            before, after = (None if i is None else encoder.id_to_token(i) for i in frame(content["post_processor"]))
            start, end = start or before, end or after
        mask_id, tags = declared_roles(content["post_processor"])
        if mask is None and mask_id is not None:
            mask = encoder.id_to_token(mask_id)
        names = {language: token for language, i in tags.items() if (token := encoder.id_to_token(i)) is not None}
        encoder.post_processor = template(encoder, start, end, mask, names)
    content = json.loads(encoder.to_str())
    if unknown is not None:
        if "unk_id" in content["model"]:
            content["model"]["unk_id"] = encoder.token_to_id(unknown)
        else:
            content["model"]["unk_token"] = unknown
    return json.dumps(content)


def _steps(post_processor: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    if post_processor is None:
        return []
    if post_processor["type"] == "Sequence":
        return [step for nested in post_processor["processors"] for step in _steps(nested)]
    return [post_processor]
