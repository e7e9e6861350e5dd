"""Benchmarks of several sections: each one's figures are kept as soon as they are measured, and the sections can be chosen.

--full            measure every section in its long form; this is what the tracked JSON file holds
--only a,b        these sections alone
--check           judge by bars.toml; without --full the tracked figures are judged first, then a shorter form of each
                  section is run here and judged by the same bars
--json FILE       with --full: figures of sections that are not measured now stay as they are in the file
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from report import RESULTS, Row, circumstances, figures, parser, show, tracked, verdict, write

Measured = tuple[list[Row], dict[str, Any]]  # the figures, and what else is worth keeping in the JSON file
Section = Callable[[argparse.Namespace], Measured | None]  # None: nothing to measure without an option, which it says


def sections_parser(description: str, sections: Mapping[str, Section]) -> argparse.ArgumentParser:
    result = parser(description)
    result.add_argument("--full", action="store_true", help="the long form, some hours in all")
    result.add_argument("--only", type=_chosen(sections), default=list(sections), help=f"of {','.join(sections)}")
    return result


def run_sections(benchmark: str, sections: Mapping[str, Section], arguments: argparse.Namespace) -> int:
    """Measures the chosen sections, and returns the exit status: 1 for a missed bar, or for a section that failed."""
    status = 0
    if arguments.json and not arguments.full:
        sys.exit("--json must come with --full: a short form's figures would replace better ones")
    if arguments.check and not arguments.full:
        results = RESULTS / f"{benchmark}.json"
        if not results.exists():
            sys.exit(
                f"{results.name} must be in bench/results to be judged, found none: measure with --full --json first"
            )
        kept = tracked(results)
        show(benchmark, kept, f"{benchmark}, tracked")
        status |= verdict(benchmark, kept)
    measured: list[Row] = []
    for name in arguments.only:
        progress(f"{benchmark}: {name}")
        try:
            result = sections[name](arguments)
        except Exception:  # the other sections' figures are worth having
            traceback.print_exc()
            print(f"{benchmark}.{name}: could not be measured", file=sys.stderr)
            status = 1
            continue
        if result is None:
            continue
        rows, details = result
        measured += rows
        show(benchmark, rows, f"{benchmark}: {name}")
        if arguments.json:
            _keep(arguments.json, benchmark, name, rows, circumstances(arguments) | details)
    if len(arguments.only) > 1:
        show(benchmark, measured)
    if arguments.check:
        whole = tracked(arguments.json) if arguments.full and arguments.json else measured
        status |= verdict(benchmark, whole, all_bars=arguments.full)
    return status


def progress(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def _chosen(sections: Mapping[str, Section]) -> Callable[[str], list[str]]:
    def chosen(names: str) -> list[str]:
        if unknown := [name for name in names.split(",") if name not in sections]:
            raise argparse.ArgumentTypeError(f"must be of {','.join(sections)}, received {','.join(unknown)}")
        return names.split(",")

    return chosen


def _keep(path: Path, benchmark: str, section: str, rows: list[Row], details: dict[str, Any]) -> None:
    """Puts one section's figures into the file in place of its former ones."""
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    former = set(record.get("sections", {}).get(section, {}).get("figures", ()))
    now = figures(rows)
    merged = {
        kind: {name: value for name, value in record.get(kind, {}).items() if name not in former} | now[kind]
        for kind in ("figures", "peers")
    }
    kept = record.get("sections", {}) | {section: {"figures": list(now["figures"]), **details}}
    write(path, {"benchmark": benchmark, **merged, "sections": kept})
