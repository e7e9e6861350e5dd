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


def with_chance(figures: Sequence[Figure]) -> dict[str, float]:
    """{name: value, name_chance: chance}, as every --json and manifest has them."""
    return {name: value for f in figures for name, value in ((f.name, f.value), (f"{f.name}_chance", f.chance))}


class Output:
    """Messages go to standard error where standard output is for JSON, so that the two never mix."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        # A path or a caption may hold brackets: nothing is read as markup.
        self.console = Console(stderr=as_json, highlight=False, markup=False)

    def say(self, text: str) -> None:
        self.console.print(text)

    @contextlib.contextmanager
    def status(self, what: str) -> Iterator[None]:
        """Says what begins, and how long it took."""
        self.say(f"{what} ...")
        started = time.perf_counter()
        yield
        self.say(f"done in {time.perf_counter() - started:.0f} s")

    def finish(
        self, title: str, figures: Sequence[Figure], *, manifest: Manifest | None = None, **facts: str | list[str]
    ) -> None:
        """The figures with chance beside each, an export's files, and whatever else there is to say."""
        record: dict[str, Any] = {}
        if manifest is not None:
            self._show(_artifact_table(manifest))
            record["artifacts"] = [_artifact_record(artifact) for artifact in manifest.artifacts]
        if figures:
            table = Table("figure", "value", "chance", title=title)
            for figure in figures:
                table.add_row(figure.name, f"{figure.value:.4f}", f"{figure.chance:.4f}")
            record |= with_chance(figures)
            self._show(table)
        for name, value in facts.items():
            self._show(f"{name.replace('_', ' ')}: {value if isinstance(value, str) else ', '.join(value)}")
        self._print_json(record | facts)

    def finish_verification(self, directory: Path, verification: Verification) -> None:
        """Exits with 1 where something is wrong."""
        table = Table("part", "format", "max abs difference", "min cosine", "", title=str(directory))
        for check in verification.artifacts:
            difference = "" if check.max_abs_diff is None else f"{check.max_abs_diff:.1e}"
            cosine = "" if check.min_cosine is None else f"{check.min_cosine:.7f}"
            verdict = "WRONG" if check.problem else f"skipped: {check.skipped}" if check.skipped else "verified"
            table.add_row(check.artifact.part, check.artifact.format, difference, cosine, verdict)
        self._show(table)
        problems = list(verification.problems)
        checks = [
            _artifact_record(check.artifact) | {"max_abs_diff": check.max_abs_diff, "min_cosine": check.min_cosine}
            for check in verification.artifacts
        ]
        self._print_json(
            {"ok": verification.ok, "files": len(verification.files), "artifacts": checks, "problems": problems}
        )
        for problem in problems:
            print(f"mmzoo: {problem}", file=sys.stderr)
        if not verification.ok:
            raise SystemExit(1)

    def _show(self, thing: Table | str) -> None:
        if not self.as_json:
            self.console.print(thing)

    def _print_json(self, record: dict[str, Any]) -> None:
        if self.as_json:
            print(json.dumps(record))


def _artifact_table(manifest: Manifest) -> Table:
    table = Table(
        "part", "format", "file", "KiB", "max abs difference", "min cosine", title="files, each compared with the model"
    )
    for artifact in manifest.artifacts:
        figures = (f"{artifact.max_abs_diff:.1e}", f"{artifact.min_cosine:.7f}")
        table.add_row(artifact.part, artifact.format, artifact.path, f"{artifact.bytes / 1024:,.0f}", *figures)
    return table


def _artifact_record(artifact: Any) -> dict[str, Any]:
    names = ("part", "format", "path", "bytes", "max_abs_diff", "min_cosine")
    return {name: getattr(artifact, name) for name in names}
