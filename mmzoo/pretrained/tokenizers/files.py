"""Files of a tokenizer, read whole after a look at their size."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

JSON_LIMIT = 256 * 2**20  # bytes; SigLIP 2's tokenizer.json has 34 MB
TEXT_LIMIT = 64 * 2**20  # bytes; XLM-R's sentencepiece file, a large one, has 5 MB


def read_bytes(path: Path, limit: int = TEXT_LIMIT) -> bytes:
    """The content of a file. Raises: ValueError if it is no regular file or has more bytes than limit."""
    if not path.is_file():
        raise ValueError(f"{path.name} must be a regular file, received something else")
    if (size := path.stat().st_size) > limit:
        raise ValueError(f"{path.name} must have at most {limit:,} bytes, received {size:,}")
    return path.read_bytes()


def read_lines(path: Path) -> list[str]:
    """The lines of a text, whatever ends them; an empty last one is left out. Raises: ValueError if it is not UTF-8."""
    lines = _decoded(path.name, read_bytes(path)).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if not lines[-1] else lines


def read_object(path: Path, *, distinct: bool = False) -> dict[str, Any]:
    """A JSON object. Raises: ValueError if it is none, or, where keys must be distinct, one comes twice in an object."""
    text = _decoded(path.name, read_bytes(path, JSON_LIMIT))
    try:
        content = json.loads(text, object_pairs_hook=_distinct if distinct else None)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} must be a JSON object, received text that is none: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} must be a JSON object, received {type(content).__name__}")
    return content


def first_repeated(values: Iterable[Any]) -> Any:
    """The first value that was there before, or None."""
    seen = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} must be UTF-8, received byte {error.start} that is not") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError(f"{first_repeated(key for key, _ in pairs)!r} comes twice in one object")
    return content
