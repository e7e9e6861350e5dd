"""What every benchmark prints and keeps: a table with the peer beside ours, a JSON file, and a verdict against bars.toml."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
RESULTS = HERE / "results"


@dataclass(frozen=True)
class Row:
    """One figure beside its peer's: what it is, ours, the peer's, and who the peer is."""

    name: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    unit: str = ""


def parser(description: str) -> argparse.ArgumentParser:
    """The arguments that all benchmarks share."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--json", type=Path, help="write the figures to this file")
    result.add_argument("--check", action="store_true", help="exit with 1, naming each figure that misses its bar")
    result.add_argument("--seed", type=int, default=0)
    return result


def finish(benchmark: str, rows: list[Row], arguments: argparse.Namespace, **details: Any) -> int:
    """Prints the table, writes the JSON file, and returns the exit status."""
    show(benchmark, rows)
    if arguments.json:
        write(arguments.json, {"benchmark": benchmark, **figures(rows), **circumstances(arguments), **details})
    return verdict(benchmark, rows) if arguments.check else 0


def show(benchmark: str, rows: list[Row], title: str | None = None) -> None:
    """Prints the rows beside their peers and their bars."""
    table = Table(title=title or benchmark)
    for column in ("figure", "ours", "peer", "bar", ""):
        table.add_column(column)
    bars = bars_of(benchmark)
    for row in rows:
        bar = bars.get(row.name, {})
        peer = "" if row.peer is None else f"{row.peer:.4g} {row.peer_name}"
        judgement = "" if not bar else "met" if is_met(row.ours, bar) else "MISSED"
        table.add_row(row.name, f"{row.ours:.4g} {row.unit}", peer, describe(bar), judgement)
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)  # a log has room for whole names
    console.print(table)


def verdict(benchmark: str, rows: list[Row], *, all_bars: bool = True) -> int:
    """1 if a figure misses its bar, or, with all_bars, if a bar has no figure; each is named on standard error."""
    bars = bars_of(benchmark)
    missed = [
        f"{benchmark}.{row.name}: {row.ours:.4g}, must be {describe(bars[row.name])}"
        for row in rows
        if row.name in bars and not is_met(row.ours, bars[row.name])
    ]
    if all_bars:
        unknown = bars.keys() - {row.name for row in rows}
        missed += [f"{benchmark}.{name}: has a bar and was not measured" for name in sorted(unknown)]
    for line in missed:
        print(line, file=sys.stderr)
    return 1 if missed else 0


def bars_of(benchmark: str) -> dict[str, dict[str, float]]:
    return tomllib.loads((HERE / "bars.toml").read_text(encoding="utf-8")).get(benchmark, {})


def figures(rows: list[Row]) -> dict[str, Any]:
    """The rows as a JSON file keeps them."""
    peers = {row.name: {"value": row.peer, "name": row.peer_name} for row in rows if row.peer is not None}
    return {"figures": {row.name: row.ours for row in rows}, "peers": peers}


def circumstances(arguments: argparse.Namespace) -> dict[str, Any]:
    """Of what, how, where and when figures were measured."""
    return {
        # Where something lies on this machine is no part of it.
        "command": " ".join(["python", *(Path(word).name if Path(word).is_absolute() else word for word in sys.argv)]),
        "commit": commit(),
        "seed": arguments.seed,
        "machine": machine(),
        "date": datetime.date.today().isoformat(),
    }


def write(path: Path, record: dict[str, Any]) -> None:
    """The whole file or the old one: a benchmark that is cut keeps what it had measured."""
    partial = path.with_name(f".partial-{path.name}")
    partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def tracked(path: Path) -> list[Row]:
    """The rows that a JSON file keeps."""
    record = json.loads(path.read_text(encoding="utf-8"))
    peers = record["peers"]
    return [
        Row(name, value, peers.get(name, {}).get("value"), peers.get(name, {}).get("name", ""))
        for name, value in record["figures"].items()
    ]


def is_met(value: float, bar: dict[str, float]) -> bool:
    return bar.get("at_least", float("-inf")) <= value <= bar.get("at_most", float("inf"))


def describe(bar: dict[str, float]) -> str:
    return " and ".join(f"{kind.replace('_', ' ')} {value:g}" for kind, value in bar.items())


def commit() -> str:
    """The commit that was measured, marked where the tree differs from it."""
    call = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    result = subprocess.run(call, capture_output=True, text=True, cwd=HERE)
    return result.stdout.strip() or "unknown"


def machine() -> str:
    """The kind of machine, without its name."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
