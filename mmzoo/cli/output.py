"""What a command shows: messages and tables for a person, or one JSON object on standard output."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from mmzoo.bundle import Artifact, Manifest
    from mmzoo.metrics import Figure

JsonFlag = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]


def table_of(*headers: str, title: str | None = None) -> Table:
    """A table whose cells go on in the next line where the terminal is too narrow: a path that is cut short is no path."""
    table = Table(title=title)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


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
            self.show(artifact_table(manifest))
            record["artifacts"] = [artifact_record(artifact) for artifact in manifest.artifacts]
        if figures:
            record |= with_chance(figures)
            self.show_figures(title, figures)
        for name, value in facts.items():
            self.show(f"{name.replace('_', ' ')}: {value if isinstance(value, str) else ', '.join(value)}")
        self.print_json(record | facts)

    def show_figures(self, title: str, figures: Sequence[Figure]) -> None:
        """A row a figure."""
        table = table_of("figure", "value", "chance", title=title)
        for figure in figures:
            table.add_row(figure.name, f"{figure.value:.4f}", f"{figure.chance:.4f}")
        self.show(table)

    def show_text(self, table: str) -> None:
        """A table in plain text, whose lines stay whole."""
        if not self.as_json:
            self.console.print(table, soft_wrap=True)

    def show(self, thing: Table | str) -> None:
        if not self.as_json:
            self.console.print(thing)

    def print_json(self, record: dict[str, Any]) -> None:
        if self.as_json:
            print(json.dumps(record))


def artifact_table(manifest: Manifest) -> Table:
    """A row a file, whose name says format and precision: its size, and how far its answers are from the model's."""
    names = list(dict.fromkeys(name for artifact in manifest.artifacts for name in artifact.metrics))
    headers = ("part", "file", "KiB", "max abs difference", "min cosine", *names)
    table = table_of(*headers, title="files, compared with the model")
    for artifact in manifest.artifacts:
        measured = (f"{artifact.metrics[name]:.4f}" if name in artifact.metrics else "" for name in names)
        table.add_row(
            artifact.part, artifact.path, f"{artifact.bytes / 1024:,.0f}", *artifact.described_parity, *measured
        )
    return table


def artifact_record(artifact: Artifact) -> dict[str, Any]:
    """What --json says of an artifact."""
    names = ("part", "format", "precision", "path", "bytes", "max_abs_diff", "min_cosine")
    return {name: getattr(artifact, name) for name in names}
