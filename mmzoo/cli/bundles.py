"""The commands that run a bundle's files: verify and bench. They need neither the model nor Keras."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mmzoo.cli.output import JsonFlag, Output

Directory = Annotated[Path, typer.Argument(help="A bundle that export wrote.", show_default=False)]


def verify(directory: Directory, json: JsonFlag = False) -> None:
    """Check a bundle's hashes, then run its samples through every runtime; exit status 1 names what is wrong."""
    from mmzoo.bundle import verify as check
    from mmzoo.cli.bundle_tables import show_verification

    output = Output(json)
    with output.status("verifying"):
        verification = check(directory)
    show_verification(verification, output)
    for problem in verification.problems:
        print(f"mmzoo: {problem}", file=sys.stderr)
    if not verification.ok:
        raise SystemExit(1)


def bench(
    directory: Directory,
    part: Annotated[str | None, typer.Option(help="Comma-separated; default all.")] = None,
    format: Annotated[str | None, typer.Option(help="Comma-separated; default all.")] = None,
    batch: Annotated[str, typer.Option(help="Comma-separated batch sizes.")] = "1,8,32",
    threads: Annotated[str | None, typer.Option(help="Comma-separated; default 1 and one a core.")] = None,
    seconds: Annotated[
        float, typer.Option(min=0.01, help="For each file, batch size and number of threads, warm-up aside.")
    ] = 2.0,
    png: Annotated[Path | None, typer.Option(help="Draw latency, size and memory into this file.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print one row a file as a Markdown table.")] = False,
    json: JsonFlag = False,
) -> None:
    """Measure latency, throughput and peak memory of every file of a bundle on this machine's processor.

    Each file runs in a process of its own; those of a part take turns. Nothing is written into the bundle.
    """
    from mmzoo.bundle import measure
    from mmzoo.cli.bundle_tables import markdown_table, show_measurement

    if json and markdown:
        raise ValueError("bench must print one form, received both --json and --markdown")
    if png is not None:
        _check_picture(png, directory)
    output = Output(json or markdown)
    with output.status(f"measuring {directory}"):
        measurement = measure(
            directory,
            parts=None if part is None else part.split(","),
            formats=None if format is None else format.split(","),
            batches=_numbers("--batch", batch),
            threads=None if threads is None else _numbers("--threads", threads),
            seconds=seconds,
        )
    if not any(measured.timings for measured in measurement.artifacts):
        raise RuntimeError(f"none of the files could be measured: {measurement.artifacts[0].skipped}")
    if png is not None:
        from mmzoo.plots import plot_costs

        plot_costs(measurement, png)
    if markdown:
        print(markdown_table(measurement))
    else:
        show_measurement(measurement, output)


def _numbers(option: str, text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise ValueError(f"{option} must be whole numbers with commas between them, received {text!r}") from None


def _check_picture(path: Path, directory: Path) -> None:
    """Before minutes of measuring: the picture can be written, and not into the bundle, which would no longer verify."""
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"--png must be a file in a directory that exists, received {path}")
    if path.resolve().is_relative_to(directory.resolve()):
        raise ValueError(f"--png must lie outside the bundle, whose files are all listed, received {path}")
