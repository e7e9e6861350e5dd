"""The rows of a CSV, TSV or JSON-lines file: for each the cells of the columns asked for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmzoo.data.layouts.documents import read_text, shown

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = (".jsonl", ".ndjson")


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
    """(where, cells) for each row, in the file's order; `where` names the file and the row's first line.

    The suffix says the format: .csv and .tsv with a header and double quotes (RFC 4180; cells are strings), .jsonl and
    .ndjson with an object a line (a cell is what JSON has, None for a key that the line has not). Blank lines do not
    count.
    Raises:  FileNotFoundError; ValueError if the file is of another suffix, is empty, lacks a column, or a row is wrong.
    """
    suffix = path.suffix.lower()
    if suffix not in _DELIMITERS and suffix not in _JSON_LINES:
        raise ValueError(f"path must end in .csv, .tsv, .jsonl or .ndjson, received {path}")
    text = read_text(path)
    found = False
    for row in (
        _json_rows(path, text, columns) if suffix in _JSON_LINES else _rows(path, text, columns, _DELIMITERS[suffix])
    ):
        found = True
        yield row
    if not found:
        raise ValueError(f"{path} must have at least one row, received none")


def _rows(path: Path, text: str, columns: Sequence[str], delimiter: str) -> Iterator[tuple[str, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        header = [name.strip() for name in next(reader, [])]
        places = [_place(path, header, column) for column in columns]
        line = reader.line_num + 1
        for row in reader:
            where = f"{path}, line {line}"
            if row and len(row) != len(header):
                raise ValueError(
                    f"{where}: must have {len(header)} columns as the header has, received {len(row)} "
                    f"(a cell with a {'comma' if delimiter == ',' else 'tab'} needs quotes)"
                )
            if row:
                yield where, [row[place] for place in places]
            line = reader.line_num + 1
    except csv.Error as error:
        format = "CSV" if delimiter == "," else "TSV"
        raise ValueError(f"{path}, line {line}: must be {format}, received what is not ({error})") from None


def _place(path: Path, header: list[str], column: str) -> int:
    if column not in header:
        raise _no_column(path, column, header)
    if header.count(column) > 1:
        raise ValueError(f"{path} must have one column {column!r}, received {header.count(column)}")
    return header.index(column)


def _json_rows(path: Path, text: str, columns: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
    seen: dict[str, None] = {}
    empty = True
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines: JSON strings may hold U+2028
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise ValueError(f"{where}: must be a JSON object, received {shown(line.strip())}")
        seen.update(dict.fromkeys(row))
        empty = False
        yield where, [row.get(column) for column in columns]
    for column in columns:
        if column not in seen and not empty:
            raise _no_column(path, column, list(seen))


def _no_column(path: Path, column: str, columns: list[str]) -> ValueError:
    known = ", ".join(map(repr, columns))
    known = known if len(known) <= 200 else known[:200] + "..."
    return ValueError(f"{path} must have a column {column!r}, received {known or 'none'}")
