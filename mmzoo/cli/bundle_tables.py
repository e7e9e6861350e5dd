"""What verify, bench and info show of a bundle: tables for a person, records for --json, Markdown for a README."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.table import Table

from mmzoo.bundle import Artifact, Manifest, MeasuredArtifact, Measurement, Verification
from mmzoo.cli.output import Output, artifact_record, artifact_table, table_of


def show_verification(verification: Verification, output: Output) -> None:
    """A row an artifact; the problems are the command's to say."""
    title = str(verification.directory)
    table = table_of("part", "file", "max abs difference", "min cosine", "", title=title)
    for check in verification.artifacts:
        difference = "" if check.max_abs_diff is None else f"{check.max_abs_diff:.1e}"
        cosine = "" if check.min_cosine is None else f"{check.min_cosine:.7f}"
        verdict = "WRONG" if check.problem else f"skipped: {check.skipped}" if check.skipped else "verified"
        table.add_row(check.artifact.part, check.artifact.path, difference, cosine, verdict)
    if verification.artifacts:
        output.show(table)
    checks = [
        artifact_record(check.artifact)
        | {"max_abs_diff": check.max_abs_diff, "min_cosine": check.min_cosine}
        | _reason(check.skipped)
        for check in verification.artifacts
    ]
    problems = list(verification.problems)
    output.print_json(
        {"ok": verification.ok, "files": len(verification.files), "artifacts": checks, "problems": problems}
    )


def show_measurement(measurement: Measurement, output: Output) -> None:
    """Two tables a part, with a row for each file and number of threads."""
    names = _file_names(measured.artifact for measured in measurement.artifacts)
    for part in dict.fromkeys(measured.artifact.part for measured in measurement.artifacts):
        members = [measured for measured in measurement.artifacts if measured.artifact.part == part]
        output.show(_latency_table(names, part, members))
        output.show(_throughput_table(names, part, [measured for measured in members if measured.timings]))
    for measured in measurement.artifacts:
        if measured.skipped:
            output.show(f"{measured.artifact.path} ({measured.artifact.part}) was skipped: {measured.skipped}")
    output.show(_conditions(measurement))
    output.show(
        "Latency and peak memory are those of the smallest batch; the memory is the process's without what the bare "
        "interpreter takes once the runtime is imported; p99 of fewer than 100 calls is the slowest."
    )
    output.print_json(
        {
            "directory": str(measurement.directory),
            "model": measurement.model,
            "machine": measurement.machine,
            "cores": measurement.cores,
            "seconds": measurement.seconds,
            "artifacts": [
                artifact_record(measured.artifact)
                | {"timings": [dataclasses.asdict(timing) for timing in measured.timings]}
                | _reason(measured.skipped)
                for measured in measurement.artifacts
            ],
        }
    )


def markdown_table(measurement: Measurement) -> str:
    """What the same model costs in each format: a row a file, for a README."""
    names = _file_names(measured.artifact for measured in measurement.artifacts)
    rows: list[Sequence[str]] = [
        ("part", "file", "MB", "latency (ms)", "peak memory (MB)", "minimum cosine"),
        ("---", "---", "---:", "---:", "---:", "---:"),
    ]
    for measured in measurement.artifacts:
        artifact, singles = measured.artifact, measured.singles()
        costs = ("not measured", "")
        if singles:
            timing = singles[-1]
            batch = "" if timing.batch == 1 else f" for {timing.batch}"
            costs = (f"{1e3 * timing.p50:.3g}{batch}", f"{timing.peak_bytes / 1e6:.0f}")
        size = f"{artifact.bytes / 1e6:.1f}"
        rows.append((artifact.part, names[artifact.path], size, *costs, artifact.described_parity[1]))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{table}\n\n{_conditions(measurement)}"


def show_manifest(manifest: Manifest, output: Output) -> None:
    """What info says of a bundle."""
    parts = table_of("part", "", "name", "shape", "dtype", "range", title=manifest.model)
    for part in manifest.parts.values():
        for side, specs in (("in", part.inputs), ("out", part.outputs)):
            for spec in specs:
                bounds = "" if spec.range is None else f"{spec.range[0]:g} to {spec.range[1]:g}"
                parts.add_row(part.name, side, spec.name, spec.described_shape, spec.dtype, bounds)
    output.show(parts)
    output.show(artifact_table(manifest))
    for artifact in manifest.artifacts:
        for remark in _remarks(artifact):
            output.show(f"{artifact.path} ({artifact.part}) {remark}")
    # A figure on an evaluation set takes the files of all parts together: it is that of a format and precision.
    by_form = {f"{artifact.format} {artifact.precision}": artifact.metrics for artifact in manifest.artifacts}
    figures = {"the model": manifest.metrics} | by_form
    if any(figures.values()):
        output.show(_metric_table(figures))
    output.show(f"compared on {manifest.samples.count} {manifest.samples.kind} samples")
    output.show("made with " + ", ".join(f"{package} {version}" for package, version in manifest.created_by.items()))


def _latency_table(names: Mapping[str, str], part: str, members: Sequence[MeasuredArtifact]) -> Table:
    table = table_of("file", "MB", "threads", "p50 ms", "p99 ms", "peak MB", title=f"{part}: latency and peak memory")
    for measured in members:
        first = (names[measured.artifact.path], f"{measured.artifact.bytes / 1e6:.1f}")
        for timing in measured.singles():
            costs = (f"{1e3 * timing.p50:.3g}", f"{1e3 * timing.p99:.3g}", f"{timing.peak_bytes / 1e6:.0f}")
            table.add_row(*first, str(timing.threads), *costs)
            first = ("", "")
        if measured.skipped:
            table.add_row(*first, "skipped")
    return table


def _throughput_table(names: Mapping[str, str], part: str, members: Sequence[MeasuredArtifact]) -> Table:
    batches = sorted({timing.batch for measured in members for timing in measured.timings})
    table = table_of("file", "threads", *map(str, batches), title=f"{part}: samples per second by batch size")
    for measured in members:
        name = names[measured.artifact.path]
        for single in measured.singles():
            rates = {t.batch: _rate(t.per_second) for t in measured.timings if t.threads == single.threads}
            table.add_row(name, str(single.threads), *(rates.get(batch, "") for batch in batches))
            name = ""
    return table


def _conditions(measurement: Measurement) -> str:
    threads = max((timing.threads for measured in measurement.artifacts for timing in measured.timings), default=0)
    return (
        f"Median latency with {_count(threads, 'thread')} on {measurement.machine} ({_count(measurement.cores, 'core')}), "
        f"{measurement.seconds:g} s for each figure."
    )


def _remarks(artifact: Artifact) -> Iterator[str]:
    """What a user of the file must know and no table has a column for."""
    if artifact.files:
        yield f"cannot be loaded without {', '.join(artifact.files)}"
    if artifact.needs:
        yield f"needs {', '.join(artifact.needs)}"
    if artifact.batch is not None:
        yield f"takes {_count(artifact.batch, 'sample')} a call"
    if artifact.differs_on:
        yield f"gives other token ids than tokenizer.json on {', '.join(artifact.differs_on)}"


def _metric_table(figures: Mapping[str, Mapping[str, float]]) -> Table:
    """figures: by what they were measured with."""
    table = table_of("figure", "of", "value", "chance", title="metrics")
    for owner, metrics in figures.items():
        for name, value in metrics.items():
            if not (name.endswith("_chance") and name.removesuffix("_chance") in metrics):
                chance = metrics.get(f"{name}_chance")
                table.add_row(name, owner, f"{value:.4g}", "" if chance is None else f"{chance:.4g}")
    return table


def _file_names(artifacts: Iterable[Artifact]) -> dict[str, str]:
    """Path to what a table says: a directory that several parts share is listed with each, at its whole size."""
    parts = Counter(artifact.path for artifact in artifacts)
    return {path: path if count == 1 else f"{path} ({count} parts)" for path, count in parts.items()}


def _reason(skipped: str | None) -> dict[str, str]:
    return {"skipped": skipped} if skipped else {}


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
