"""A tokenizer as transformers and open_clip load it."""

from __future__ import annotations

import json
import operator
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmzoo.atomic import whole_file
from mmzoo.pretrained.tokenizers.vocabularies import CLIP_WORDS, WORD_END
from mmzoo.tokenizer import Tokenizer
from mmzoo.tokenizer.roles import frame, parse


def write_tokenizer(tokenizer: Tokenizer, folder: str | os.PathLike[str], *, length: int) -> None:
    """Writes tokenizer.json and tokenizer_config.json into a folder, from which transformers' AutoTokenizer gives the same ids.

    The configuration names the tokenizer's class ("CLIPTokenizer", "BertTokenizer", else "PreTrainedTokenizerFast", which
    follows the file as it is), its special tokens and length, the longest row. A pad that is a piece like any other ("!", id
    0 of open_clip) is left to tokenizer.json: as pad_token, transformers would find it in texts; it pads with the end token
    then, and read_tokenizer with this one.

    Raises: FileNotFoundError if there is no such folder; ValueError if length is less than 2 or the tokenizer has no end.
    """
    folder, length = Path(folder), operator.index(length)
    if length < 2:
        raise ValueError(f"length must be at least 2, received {length}")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} must be a folder that exists")
    content = json.loads(tokenizer.definition)
    roles = _roles(tokenizer, content)
    name, options = _class(content, roles)
    if name == "BertTokenizer":
        roles |= {"cls_token": roles.pop("bos_token"), "sep_token": roles.pop("eos_token")}
    tokenizer.save(folder / "tokenizer.json")
    settings = {"tokenizer_class": name, "model_max_length": length, **options, **roles}
    with whole_file(folder / "tokenizer_config.json") as temporary:
        temporary.write_text(json.dumps(settings, ensure_ascii=False, indent=2) + "\n", encoding="utf-8", newline="\n")


def _roles(tokenizer: Tokenizer, content: Mapping[str, Any]) -> dict[str, str]:
    encoder = parse(tokenizer.definition)
    start = frame(content["post_processor"])[0]
    ids = {
        "bos_token": start,
        "eos_token": tokenizer.end_id,
        "pad_token": tokenizer.pad_id,
        "unk_token": tokenizer.unknown_id,
        "mask_token": tokenizer.mask_id,
    }
    special = {token["id"] for token in content["added_tokens"] if token["special"]} | {start, tokenizer.end_id}
    return {
        role: token
        for role, index in ids.items()
        if index in special and index is not None and (token := encoder.id_to_token(index)) is not None
    }


def _class(content: Mapping[str, Any], roles: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The class of transformers that builds the same tokenizer from these settings."""
    match content:
        case {
            "model": {"type": "BPE", "end_of_word_suffix": str(suffix)},
            "normalizer": {
                "type": "Sequence",
                "normalizers": [{"type": "NFC"}, {"type": "Replace"}, {"type": "Lowercase"}],
            },
            "pre_tokenizer": {
                "pretokenizers": [{"type": "Split", "pattern": {"Regex": str(words)}}, {"type": "ByteLevel"}]
            },
        } if (
            suffix == WORD_END
            and words.endswith(CLIP_WORDS)
            and {"bos_token", "eos_token", "unk_token"} <= roles.keys()
        ):
            return "CLIPTokenizer", {}
        case {
            "model": {"type": "WordPiece", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100},
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": bool(chinese),
                "strip_accents": accents,
                "lowercase": bool(lower),
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
        } if {"bos_token", "eos_token", "unk_token", "pad_token"} <= roles.keys():
            options = {"do_lower_case": lower, "tokenize_chinese_chars": chinese, "strip_accents": accents}
            return "BertTokenizer", options
    return "PreTrainedTokenizerFast", {}
