"""The label cells of a table as targets: a class, several labels, or numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.data.layouts.documents import shown

Cells = Sequence[tuple[str, Any]]  # (where, cell)

_LARGEST = float(np.finfo(np.float32).max)
_NUMERAL = re.compile(r"-?[0-9]{1,9}")


def class_targets(path: Path, cells: Cells, names: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """One class a row: (N,) int32 that index the names, and the names."""
    labels = [_name(where, cell) for where, cell in cells]
    known = _names(path, labels, names)
    places = _places(known)
    return np.array([_place(places, where, x) for (where, _), x in zip(cells, labels, strict=True)], np.int32), known


def multi_hot(
    path: Path, cells: Cells, names: Sequence[str] | None, separator: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Any number of labels a row: (N, C) float32 of zeros and ones, and the names."""
    rows = [
        [_name(where, part) for part in _parts(cell, separator) if not isinstance(part, str) or part.strip()]
        for where, cell in cells
    ]
    known = _names(path, [label for row in rows for label in row], names)
    places = _places(known)
    targets = np.zeros((len(rows), len(known)), np.float32)
    for i, ((where, _), row) in enumerate(zip(cells, rows, strict=True)):
        targets[i, [_place(places, where, label) for label in row]] = 1
    return targets, known


def number_targets(cells: Cells, separator: str) -> np.ndarray:
    """Numbers to be predicted: (N,) float32 where each row has one, (N, C) where each has C."""
    rows = [[_number(where, part) for part in _parts(cell, separator) or [cell]] for where, cell in cells]
    for (where, _), row in zip(cells, rows, strict=True):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"{where}: label must have as many numbers as the first row, {len(rows[0])}, received {len(row)}"
            )
    targets = np.array(rows, np.float32)
    return targets[:, 0] if targets.shape[1] == 1 else targets


def _parts(cell: Any, separator: str) -> list[Any]:
    if isinstance(cell, list):
        return cell
    return cell.split(separator) if isinstance(cell, str) else [] if cell is None else [cell]


def _name(where: str, cell: Any) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int):
        return str(cell)
    if not isinstance(cell, str) or not cell.strip():
        raise ValueError(f"{where}: label must be a name or a whole number, received {shown(cell)}")
    return cell.strip()


def _number(where: str, cell: Any) -> float:
    try:
        # float() also reads 1_000; a label so written is more likely a mistake.
        number = math.nan if isinstance(cell, bool) or "_" in str(cell) else float(cell)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or abs(number) > _LARGEST:
        raise ValueError(f"{where}: label must be a finite number, received {shown(cell)}")
    return number


def _names(path: Path, found: Sequence[str], given: Sequence[str] | None) -> tuple[str, ...]:
    if given is None:
        if not found:
            raise ValueError(f"{path} must have a label in at least one row, received none")
        return tuple(sorted(set(found), key=lambda x: (1, int(x), x) if _NUMERAL.fullmatch(x) else (0, 0, x)))
    if isinstance(given, str) or not given or not all(isinstance(name, str) for name in given):
        raise ValueError(f"label_names must be a list of names, received {shown(given)}")
    if len(set(given)) != len(given):
        raise ValueError(f"label_names must differ, received {shown(given)}")
    return tuple(given)


def _places(names: tuple[str, ...]) -> dict[str, int]:
    """Where each label is written: its name, or, unless names are numerals themselves, its position from 0."""
    numerals = any(_NUMERAL.fullmatch(name) for name in names)
    positions = {} if numerals else {str(place): place for place in range(len(names))}
    return positions | {name: place for place, name in enumerate(names)}


def _place(places: dict[str, int], where: str, label: str) -> int:
    if label not in places:
        known = ", ".join(name for name in places if not _NUMERAL.fullmatch(name)) or ", ".join(places)
        known = known if len(known) <= 200 else known[:200] + "..."
        raise ValueError(f"{where}: label must be one of {known}, received {shown(label)}")
    return places[label]
