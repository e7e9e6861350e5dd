"""From a written file to an entry of the manifest: it is loaded again, compared, and judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mmzoo.bundle import Artifact, PartEntry
from mmzoo.bundle.parity import Parity
from mmzoo.bundle.reader import open_artifact
from mmzoo.bundle.runners import Runner
from mmzoo.bundle.samples import Golden
from mmzoo.checksums import sha256_path, size_of
from mmzoo.exporters.files import Written
from mmzoo.exporters.gate import DEFAULT_GATE, KEEP, Gate, GateError, check_contrast, check_gate, evaluate
from mmzoo.exporters.onnx import overflowing_values
from mmzoo.exporters.parity import Bars, check_parity, golden_outputs, measure_parity
from mmzoo.exporters.tflite import FLEX
from mmzoo.metrics import Evaluation
from mmzoo.signature import LOGITS, Part


def prove(
    directory: Path, written: Written, part: PartEntry, golden: Golden, bars: Bars, gate: Gate | None
) -> tuple[Artifact, Runner]:
    """Runs a file on its samples in its own runtime, and states what was found.

    No released LiteRT or TensorFlow for Python has the Flex delegate: a file that needs it is loaded and not run.

    Raises ParityError where a float32 file answers differently. judge compares the others with their limits; here they
    raise GateError, if there is a gate, where they ignore their input or overflow.
    """
    artifact = Artifact(
        part=written.part,
        format=written.format,
        precision=written.precision,
        path=written.paths[0],
        bytes=sum(size_of(directory / path) for path in written.paths),
        sha256=sha256_path(directory / written.paths[0]),
        max_abs_diff=None,
        min_cosine=None,
        samples=golden.count,
        files=written.paths[1:],
        needs=written.needs,
        batch=written.batch,
        differs_on=written.differs_on,
    )
    run = open_artifact(directory, artifact, part)
    if FLEX in written.needs:
        return dataclasses.replace(artifact, samples=0), run
    choices = () if part.writing is None else (LOGITS,)
    parity, lost = measure_parity(run, golden, rtol=bars.rtol, choices=choices, pictures=part.pictures)
    if written.precision == "fp32":
        check_parity(written.part, written.format, parity, lost, bars)
        past_gate = ""
    else:
        with _refusing(gate) as refused:
            check_contrast(written.part, written.format, written.precision, lost)
            if (written.format, written.precision) == ("onnx", "fp16") and not written.needs:
                _require_no_overflow(written.part, directory / artifact.path, golden)
        past_gate = "".join(refused)
    proven = dataclasses.replace(
        artifact,
        max_abs_diff=parity.max_abs_diff,
        min_cosine=parity.min_cosine,
        mean_levels=parity.mean_levels,
        past_gate=past_gate,
    )
    return proven, run


@contextmanager
def _refusing(gate: Gate | None) -> Iterator[list[str]]:
    """Without a gate, what it would have refused is put into the list that this yields."""
    refused: list[str] = []
    try:
        yield refused
    except GateError as error:
        if gate is not None:
            raise
        refused.append(str(error).removesuffix(KEEP))


def _require_no_overflow(part: str, path: Path, golden: Golden) -> None:
    inputs = {name: array[:2] for name, array in golden.inputs.items()}
    if values := overflowing_values(path, inputs):
        raise GateError(
            f"fp16 in format 'onnx' must hold every value of part {part!r}, received some above 65,504 in "
            f"{', '.join(values[:3])}{', ...' if len(values) > 3 else ''}{KEEP}"
        )


def judge(
    directory: Path,
    artifacts: Iterable[Artifact],
    entries: Mapping[str, PartEntry],
    parts: Mapping[str, Part],
    gate: Gate | None,
    evaluation: Evaluation | None,
) -> tuple[Artifact, ...]:
    """Measures every format and precision on the evaluation set, and refuses quantized ones that the gate does not let pass.

    Returns the artifacts with their figures; without a gate, with what the default one would have said. Raises GateError.
    """
    artifacts = tuple(artifacts)
    if evaluation is None:
        baseline: dict[str, float] = {}
    else:
        keras = {name: _keras_runner(part) for name, part in parts.items()}
        baseline = evaluate(evaluation, keras, {name: entries[name] for name in parts})
    groups = dict.fromkeys((artifact.format, artifact.precision) for artifact in artifacts)
    figures: dict[tuple[str, str], dict[str, float]] = {}
    refused: dict[tuple[str, str], list[str]] = {}
    for format, precision in groups:
        group = [a for a in artifacts if (a.format, a.precision) == (format, precision)]
        can_run = all(artifact.samples for artifact in group)
        found = _figures(directory, group, entries, parts, evaluation) if evaluation is not None and can_run else {}
        refused[format, precision] = []
        if precision != "fp32":
            parities = {
                a.part: Parity(a.max_abs_diff, a.min_cosine, a.max_abs_diff, a.mean_levels)
                for a in group
                if a.max_abs_diff is not None and a.min_cosine is not None
            }
            count = None if evaluation is None else evaluation.count
            expected = baseline if found else {}
            with _refusing(gate) as refused[format, precision]:
                limits = gate or DEFAULT_GATE
                check_gate(precision, format, parities, limits, figures=found, baseline=expected, count=count)
        figures[format, precision] = found
    return tuple(
        dataclasses.replace(
            artifact,
            metrics=figures[artifact.format, artifact.precision],
            past_gate="; ".join(filter(None, [artifact.past_gate, *refused[artifact.format, artifact.precision]])),
        )
        for artifact in artifacts
    )


def _figures(
    directory: Path,
    group: Iterable[Artifact],
    entries: Mapping[str, PartEntry],
    parts: Mapping[str, Part],
    evaluation: Evaluation,
) -> dict[str, float]:
    group = [artifact for artifact in group if artifact.part in parts]  # raw forms are the same network
    runners = {artifact.part: open_artifact(directory, artifact, entries[artifact.part]) for artifact in group}
    return evaluate(evaluation, runners, {name: entries[name] for name in parts})


def _keras_runner(part: Part) -> Runner:
    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return golden_outputs(part, inputs)

    return run
