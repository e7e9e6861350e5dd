"""The folder that eval writes: report.json and the pictures of it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmzoo.atomic import whole_directory
from mmzoo.cli.runs import write_json

REPORT = "report.json"


@contextmanager
def report_folder(out: Path | None) -> Iterator[Path | None]:
    """Where to write into, or None for no report: on success it becomes out, whole; on any error nothing of it stays.

    Raises FileExistsError now, before anything is measured, where out exists and is no earlier report.
    """
    if out is None:
        yield None
        return
    with whole_directory(out, replaces=is_report) as partial:
        yield partial


def write_report(folder: Path, record: dict[str, Any]) -> None:
    """report.json, with the names of the pictures that are in the folder already."""
    write_json(folder / REPORT, record | {"files": _files(folder)})


def is_report(folder: Path) -> bool:
    """Whether a folder holds a report and nothing else."""
    try:
        record = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        return sorted([REPORT, *record["files"]]) == _files(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def short_names(data: list[str]) -> dict[str, str]:
    """What the results on each of the data are called: the last part of its name, without signs that a path may not have.

    Raises ValueError where two would be called the same.
    """
    names = {name: re.sub(r"[^\w.-]+", "-", os.path.basename(os.path.abspath(name))) or "data" for name in data}
    if len(set(names.values())) < len(data):
        raise ValueError(f"--data must be names that differ in their last part, received {', '.join(data)}")
    return names


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
