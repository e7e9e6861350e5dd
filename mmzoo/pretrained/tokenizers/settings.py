"""What tokenizer_config.json, special_tokens_map.json and config.json say about a tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmzoo.pretrained.tokenizers.files import read_object

_CONFIG = "tokenizer_config.json"
_FLAGS = (
    "add_bos_token",
    "add_eos_token",
    "do_lower_case",
    "strip_accents",
    "tokenize_chinese_chars",
    "add_prefix_space",
)
_TOKENS = ("pad_token", "bos_token", "eos_token", "cls_token", "sep_token", "unk_token", "mask_token")
_GEMMA = ("GemmaTokenizer", "Siglip2Tokenizer")


@dataclass(frozen=True)
class Settings:
    """The settings of a folder, each None or missing where nothing is said.

    tokenizer_class: transformers' name for it without "Fast", "" where it has none. model_type: of config.json, "" where
    it has none. tokens: names such as "pad_token" to tokens. flags: names such as "add_bos_token" to true or false.
    """

    tokenizer_class: str
    model_type: str
    tokens: Mapping[str, str]
    flags: Mapping[str, bool]

    @property
    def is_siglip(self) -> bool:
        """Whether texts are cleaned as for SigLIP (arXiv:2303.15343)."""
        return self.tokenizer_class == "SiglipTokenizer" or (not self.tokenizer_class and self.model_type == "siglip")

    @property
    def is_siglip2(self) -> bool:
        """Whether texts are lower-cased as for SigLIP 2 (arXiv:2502.14786); some of its files name Gemma's tokenizer."""
        named = self.tokenizer_class in _GEMMA and self.model_type in ("siglip", "siglip2")
        return self.tokenizer_class == "Siglip2Tokenizer" or named

    def token(self, *names: str) -> str | None:
        """The first of the named tokens that is given."""
        return next((self.tokens[name] for name in names if name in self.tokens), None)


def read_settings(folder: Path) -> Settings:
    """Reads the settings. Paths in them, which other machines left there, are never followed.

    Raises: ValueError if a file is broken or a setting has another type.
    """
    config = _read(folder / _CONFIG)
    name = config.get("tokenizer_class") or ""
    if not isinstance(name, str):
        raise ValueError(f"tokenizer_class in {_CONFIG} must be a string, received {name!r:.80}")
    tokens = _tokens(config, _CONFIG)
    if "added_tokens_decoder" not in config:  # the rule of transformers
        map_name = "special_tokens_map.json"
        tokens |= _tokens(_read(folder / map_name), map_name)
    flags = {key: config[key] for key in _FLAGS if config.get(key) is not None}
    for key, value in flags.items():
        if not isinstance(value, bool):
            raise ValueError(f"{key} in {_CONFIG} must be true or false, received {value!r:.80}")
    model_type = _read(folder / "config.json").get("model_type")
    return Settings(
        tokenizer_class=name.removesuffix("Fast") if name != "PreTrainedTokenizerFast" else "",
        model_type=model_type if isinstance(model_type, str) else "",
        tokens=tokens,
        flags=flags,
    )


def _read(path: Path) -> dict[str, Any]:
    return read_object(path) if path.exists() else {}


def _tokens(content: Mapping[str, Any], name: str) -> dict[str, str]:
    found = {}
    for key in _TOKENS:
        value = content.get(key)
        token = value.get("content") if isinstance(value, dict) else value
        if token is None:
            continue
        if not isinstance(token, str) or not token:
            raise ValueError(f"{key} in {name} must be a token, received {value!r:.80}")
        found[key] = token
    return found
