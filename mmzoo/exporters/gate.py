"""The gate of quantization: an artifact that has lost too much of what the model can do is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmzoo.bundle import PartEntry
from mmzoo.bundle.parity import Parity
from mmzoo.bundle.runners import Runner
from mmzoo.exporters.samples import as_declared
from mmzoo.metrics import Evaluation

BATCH = 32
KEEP = "; gate=None would keep it"
_CONTRAST = 0.5  # of the difference between samples; int8 of a flat model loses some of it honestly


class GateError(ValueError):
    """A quantized artifact has lost more than its gate lets pass."""


@dataclass(frozen=True)
class Limits:
    """What one precision may lose: the smallest cosine of a sample's answers, and how far a figure may fall.

    max_drop is a share: 0.005 is half a point of accuracy or recall. max_levels: how many of 255 levels pictures may be off in the mean;
    half a level, which rounding alone may come to, unless said.
    Raises ValueError unless the first two are in [0, 1], and max_levels in [0, 255].
    """

    min_cosine: float
    max_drop: float
    max_levels: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.max_levels <= 255:
            raise ValueError(f"max_levels must be in [0, 255], received {self.max_levels}")
        if not (0 <= self.min_cosine <= 1 and 0 <= self.max_drop <= 1):
            raise ValueError(f"min_cosine and max_drop must be in [0, 1], received {self.min_cosine}, {self.max_drop}")


@dataclass(frozen=True)
class Gate:
    """The limits of each precision that is less than float32."""

    int8: Limits = Limits(min_cosine=0.99, max_drop=0.005, max_levels=5.0)
    fp16: Limits = Limits(min_cosine=0.9999, max_drop=0.001, max_levels=0.5)

    def limits(self, precision: str) -> Limits:
        """Raises ValueError for a precision that has no gate: float32 must satisfy parity instead."""
        if precision not in ("int8", "fp16"):
            raise ValueError(f"precision must be 'int8' or 'fp16', received {precision!r}")
        return self.int8 if precision == "int8" else self.fp16


DEFAULT_GATE = Gate()


def evaluate(evaluation: Evaluation, runners: Mapping[str, Runner], parts: Mapping[str, PartEntry]) -> dict[str, float]:
    """Runs the parts that an evaluation reads on all its rows, in batches, and returns its figures.

    runners: {part name: runner} of one precision and format, or of the Keras model. Only the outputs that the figures are
    made from are kept.

    Raises ValueError where no part gives such an output from the evaluation's inputs, where a part that does has no
    runner, where rows do not fit the part's input, and for figures outside [0, 1].
    """
    outputs: dict[str, np.ndarray] = {}
    for name, part in _parts_with(evaluation, parts).items():
        if name not in runners:
            raise ValueError(
                f"evaluation must be given an artifact of part {name!r}, received those of {', '.join(runners) or 'none'}"
            )
        outputs |= _run(evaluation, runners[name], part)
    figures = {name: float(figure) for name, figure in evaluation.score(outputs).items()}
    wrong = [f"{name}={figure}" for name, figure in figures.items() if not 0 <= figure <= 1]
    if wrong or not figures:
        raise ValueError(f"evaluation must give figures in [0, 1], received {', '.join(wrong) or 'none'}")
    return figures


def check_contrast(part: str, format: str, precision: str, lost: Mapping[str, float]) -> None:
    """Refuses a file whose errors hide what tells samples apart: a constant answer can be near in cosine.

    lost: lost_contrast's shares. Raises GateError where one is above a half.
    """
    if gone := {name: share for name, share in lost.items() if not share <= _CONTRAST}:
        shares = ", ".join(f"{name} {share:.2g}" for name, share in gone.items())
        raise GateError(
            f"{precision} in format {format!r} must tell samples apart as part {part!r} does, received errors of these "
            f"shares of the difference between samples: {shares} (at most {_CONTRAST:g}){KEEP}"
        )


def check_gate(
    precision: str,
    format: str,
    parities: Mapping[str, Parity],
    gate: Gate | None,
    *,
    figures: Mapping[str, float] | None = None,
    baseline: Mapping[str, float] | None = None,
    count: int | None = None,
) -> None:
    """Refuses artifacts of one precision and format that answer too differently or have lost too much; None lets all pass.

    parities: {part name: what was found on the samples}. figures, baseline: this precision's and float32's figures on
    the evaluation set; a figure may rise. count: the evaluation's, for the message: one answer of a small set can
    weigh more than the bar, which then cannot tell chance from loss.

    Raises GateError with the figures and the bars; NaN never passes. ValueError where figures and baseline differ in name.
    """
    if gate is None:
        return
    figures, baseline, limits = figures or {}, baseline or {}, gate.limits(precision)
    if set(figures) != set(baseline):
        raise ValueError(f"figures must be {sorted(baseline)}, received {sorted(figures)}")
    reasons = [
        f"a minimum cosine of {parity.min_cosine:.6g} in part {part!r} (at least {limits.min_cosine:g})"
        for part, parity in parities.items()
        if not parity.min_cosine >= limits.min_cosine
    ]
    reasons += [
        f"pictures {parity.mean_levels:.3g} of 255 levels off in the mean in part {part!r} (at most {limits.max_levels:g})"
        for part, parity in parities.items()
        if parity.mean_levels is not None and not parity.mean_levels <= limits.max_levels
    ]
    # A drop of just the bar is no loss of more than it: 0.95 - 0.945 is 0.0050000000000000044.
    fallen = [name for name in figures if not baseline[name] - figures[name] <= limits.max_drop + 1e-12]
    reasons += [
        f"{name} {figures[name]:.4f} instead of {baseline[name]:.4f} (at most {limits.max_drop:g} less)"
        for name in fallen
    ]
    if reasons:
        size = _size_of_one_answer(count, limits.max_drop) if fallen and count else ""
        raise GateError(
            f"{precision} in format {format!r} must answer nearly as float32 does, received {', '.join(reasons)}{size}{KEEP}"
        )


def _size_of_one_answer(count: int, max_drop: float) -> str:
    text = f", where one of {count} answers is {1 / count:.2g}"
    if max_drop < 1 / count:
        text += f": too few for this bar, which takes {'more' if not max_drop else math.ceil(1 / max_drop)}"
    return text


def _parts_with(evaluation: Evaluation, parts: Mapping[str, PartEntry]) -> dict[str, PartEntry]:
    """The first part for each output the evaluation reads, of those that its inputs can be given to."""
    chosen = {}
    for output in evaluation.outputs:
        giving = {name: part for name, part in parts.items() if output in [spec.name for spec in part.outputs]}
        if not giving:
            present = sorted({spec.name for part in parts.values() for spec in part.outputs})
            raise ValueError(f"evaluation must read outputs the model has ({', '.join(present)}), received {output}")
        missing = {
            name: [spec.name for spec in part.inputs if spec.name not in evaluation.inputs]
            for name, part in giving.items()
        }
        able = [name for name in giving if not missing[name]]
        if not able:
            name, lacking = next(iter(missing.items()))
            raise ValueError(
                f"evaluation must hold the inputs of part {name!r}, which gives {output}, received none for "
                f"{', '.join(lacking)}"
            )
        chosen[able[0]] = parts[able[0]]
    return chosen


def _run(evaluation: Evaluation, run: Runner, part: PartEntry) -> dict[str, np.ndarray]:
    """{output name: array over all rows}, of the outputs that are read."""
    lengths = {spec.name: len(evaluation.inputs[spec.name]) for spec in part.inputs}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"evaluation must give the inputs of part {part.name!r} one length, received {lengths}")
    wanted = [spec.name for spec in part.outputs if spec.name in evaluation.outputs]
    batches = []
    for start in range(0, next(iter(lengths.values())), BATCH):
        rows = slice(start, start + BATCH)
        batch = run({spec.name: as_declared(evaluation.inputs[spec.name][rows], spec) for spec in part.inputs})
        batches.append({name: np.asarray(batch[name]) for name in wanted})
    return {name: np.concatenate([batch[name] for batch in batches]) for name in wanted}
