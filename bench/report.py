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
    bars = tomllib.loads((HERE / "bars.toml").read_text(encoding="utf-8")).get(benchmark, {})
    table = Table(title=benchmark)
    for column in ("figure", "ours", "peer", "bar", ""):
        table.add_column(column)
    missed = []
    for row in rows:
        bar = bars.get(row.name, {})
        met = is_met(row.ours, bar)
        if not met:
            missed.append(f"{benchmark}.{row.name}: {row.ours:.4g}, must be {describe(bar)}")
        peer = "" if row.peer is None else f"{row.peer:.4g} {row.peer_name}"
        table.add_row(
            row.name, f"{row.ours:.4g} {row.unit}", peer, describe(bar), "" if not bar else "met" if met else "MISSED"
        )
    Console().print(table)
    if arguments.json:
        record = {
            "benchmark": benchmark,
            "figures": {row.name: row.ours for row in rows},
            "peers": {row.name: {"value": row.peer, "name": row.peer_name} for row in rows if row.peer is not None},
            "command": " ".join(["python", *sys.argv]),
            "commit": commit(),
            "seed": arguments.seed,
            "machine": machine(),
            "date": datetime.date.today().isoformat(),
            **details,
        }
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if not arguments.check:
        return 0
    unknown = bars.keys() - {row.name for row in rows}
    missed += [f"{benchmark}.{name}: has a bar and was not measured" for name in sorted(unknown)]
    for line in missed:
        print(line, file=sys.stderr)
    return 1 if missed else 0


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
