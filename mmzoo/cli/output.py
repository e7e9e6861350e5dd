"""What a command shows: messages and tables for a person, or one JSON object on standard output."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from mmzoo.bundle import Manifest, Verification
    from mmzoo.metrics import Figure


class Output:
    """Messages go to standard error where standard output is for JSON, so that the two never mix."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(stderr=as_json, highlight=False)

    def say(self, text: str) -> None:
        self.console.print(text)

    @contextlib.contextmanager
    def status(self, what: str) -> Iterator[None]:
        """Says what begins, and how long it took."""
        self.say(f"{what} ...")
        started = time.perf_counter()
        yield
        self.say(f"{what}: {time.perf_counter() - started:.0f} s")

    def finish(self, title: str, figures: Sequence[Figure], **facts: Any) -> None:
        """The figures with chance beside each, and whatever else there is to say."""
        table = Table("figure", "value", "chance", title=title)
        for figure in figures:
            table.add_row(figure.name, f"{figure.value:.4f}", f"{figure.chance:.4f}")
        values = {figure.name: figure.value for figure in figures}
        chances = {f"{figure.name}_chance": figure.chance for figure in figures}
        self._end(table, values | chances | facts)
        for name, value in facts.items() if not self.as_json else ():
            self.say(f"{name}: {value}")

    def finish_artifacts(self, directory: Path, manifest: Manifest) -> None:
        table = Table("part", "format", "file", "KiB", "max abs difference", "min cosine", title=str(directory))
        rows = []
        for artifact in manifest.artifacts:
            figures = (f"{artifact.max_abs_diff:.1e}", f"{artifact.min_cosine:.7f}")
            table.add_row(artifact.part, artifact.format, artifact.path, f"{artifact.bytes / 1024:,.0f}", *figures)
            rows.append(
                {"part": artifact.part, "format": artifact.format, "path": artifact.path, "bytes": artifact.bytes}
            )
        self._end(table, {"directory": str(directory), "artifacts": rows, "metrics": dict(manifest.metrics)})

    def finish_verification(self, directory: Path, verification: Verification) -> None:
        """Exits with 1 where something is wrong."""
        table = Table("part", "format", "max abs difference", "min cosine", "", title=str(directory))
        for check in verification.artifacts:
            difference = "" if check.max_abs_diff is None else f"{check.max_abs_diff:.1e}"
            cosine = "" if check.min_cosine is None else f"{check.min_cosine:.7f}"
            verdict = "WRONG" if check.problem else "skipped: " + check.skipped if check.skipped else "verified"
            table.add_row(check.artifact.part, check.artifact.format, difference, cosine, verdict)
        self._end(
            table, {"ok": verification.ok, "files": len(verification.files), "problems": list(verification.problems)}
        )
        for problem in verification.problems:
            print(f"mmzoo: {problem}", file=sys.stderr)
        if not verification.ok:
            raise SystemExit(1)

    def _end(self, table: Table, record: dict[str, Any]) -> None:
        if self.as_json:
            print(json.dumps(record))
        else:
            self.console.print(table)
