"""Text and JSON files as they come from elsewhere: read whole, and checked with one sentence that says what and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

Value = TypeVar("Value")

_KINDS = {str: "a string", int: "a whole number", list: "a list", dict: "an object"}


def read_text(path: Path) -> str:
    """The whole file, UTF-8 with or without a byte order mark, its line ends as they are.

    Raises:  FileNotFoundError; ValueError with the line's number if it is not UTF-8.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be a file, received what is none or not there")
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}, line {line}: must be UTF-8 text, received other bytes ({error.reason})") from None


def read_json(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:  FileNotFoundError; ValueError if it is no JSON, or no object.
    """
    try:
        document = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: must be JSON, received what is not ({error.msg})") from None
    except RecursionError:
        raise ValueError(f"{path} must be JSON, received one nested too deeply") from None
    return checked(str(path), document, dict)


def entries(path: Path, document: dict[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    """(where, entry) for each object in the list `key` of a document; `where` is what errors call the entry.

    Raises:  ValueError if there is no such list, it is empty, or holds something else than objects.
    """
    found = value(str(path), document, key, list)
    if not found:
        raise ValueError(f"{path}: {key!r} must have at least one entry, received none")
    return [(where := f"{path}, {key}[{i}]", checked(where, entry, dict)) for i, entry in enumerate(found)]


def value(where: str, entry: dict[str, Any], key: str, kind: type[Value]) -> Value:
    """What an entry has under a key.

    Raises:  ValueError if the key is missing or has a value of another kind.
    """
    if key not in entry:
        raise ValueError(f"{where}: must have {key!r}, received {shown(list(entry))}")
    return checked(f"{where}: {key!r}", entry[key], kind)


def checked(what: str, given: Any, kind: type[Value]) -> Value:
    """The given value, if it is of this kind; true and false are no numbers."""
    if isinstance(given, bool) or not isinstance(given, kind):
        raise ValueError(f"{what} must be {_KINDS[kind]}, received {shown(given)}")
    return given


def shown(given: Any) -> str:
    """A value for an error's sentence, cut where it is long."""
    text = repr(given)
    return text if len(text) <= 80 else text[:80] + "..."
