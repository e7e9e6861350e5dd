"""An artifact that differs from the Keras model is an error, not a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from keras import ops

from mmzoo.bundle.parity import Parity, compare, worst
from mmzoo.bundle.runners import Runner
from mmzoo.bundle.samples import Golden
from mmzoo.exporters.contrast import SHARE, lost_contrast
from mmzoo.exporters.parts import call
from mmzoo.signature import Part

BATCH = 32


class ParityError(ValueError):
    """An artifact's answers are too far from the Keras model's."""


@dataclass(frozen=True)
class Bars:
    """|a - b| must be at most atol + rtol max |b| of the sample, the cosine of its outputs at least min_cosine."""

    atol: float
    rtol: float
    min_cosine: float


def golden_outputs(part: Part, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The Keras model's answers to samples (N, ...), computed on the CPU, where float32 is not rounded to TF32.

    Raises ValueError where the model cannot be run on them, where a sample's output has another shape in another batch,
    and where they hold NaN or infinity: nothing could be compared with them.
    """
    import tensorflow as tf

    count = len(next(iter(inputs.values())))
    slices = [slice(start, start + BATCH) for start in range(0, count, BATCH)]
    with tf.device("/CPU:0"):
        alone, *batches = [_run_keras(part, inputs, rows) for rows in (slice(1), *slices)]
    for name, output in alone.items():
        if output.shape[1:] != batches[0][name].shape[1:]:
            raise ValueError(
                f"output {name} must not depend on the batch's size, received shape {output.shape[1:]} for one sample "
                f"alone and {batches[0][name].shape[1:]} in a batch of {len(batches[0][name])}"
            )
    outputs = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    for name, output in outputs.items():
        if not np.isfinite(output).all():
            raise ValueError(
                f"output {name} of the Keras model must be finite on the samples, received NaN or infinity"
            )
    return outputs


def _run_keras(part: Part, inputs: Mapping[str, np.ndarray], rows: slice) -> dict[str, np.ndarray]:
    given = {name: array[rows] for name, array in inputs.items()}
    try:
        return {name: ops.convert_to_numpy(tensor) for name, tensor in call(part.model, given).items()}
    except Exception as error:  # whatever a layer makes of an input it was not built for
        shapes = ", ".join(f"{name} {array.shape} {array.dtype}" for name, array in given.items())
        reason = next(iter(str(error).strip().splitlines()), "")
        raise ValueError(
            f"samples must be inputs the model can take, received {shapes} and from the model {type(error).__name__}: "
            f"{reason:.200}"
        ) from error


def measure_parity(
    run: Runner, golden: Golden, *, rtol: float = 0.0, choices: Collection[str] = (), pictures: Collection[str] = ()
) -> tuple[Parity, dict[str, float]]:
    """Runs all samples through an artifact, in batches of 3, of 1, and of what is left, and compares.

    (A batch axis frozen at conversion shows at 3 or at 1.) The second result is lost_contrast's, as choices.
    """
    parities, answers = [], []
    for rows in golden.batches():
        expected = {name: array[rows] for name, array in golden.outputs.items()}
        actual = run({name: array[rows] for name, array in golden.inputs.items()})
        parities.append(compare(expected, actual, rtol=rtol, pictures=pictures))
        answers.append(actual)
    whole = {name: np.concatenate([a[name] for a in answers])[: golden.count] for name in golden.outputs}
    return worst(parities), lost_contrast(golden.outputs, whole, choices)


def check_parity(part: str, format: str, parity: Parity, lost: Mapping[str, float], bars: Bars) -> None:
    """Raises ParityError with the figures and the bars where they are missed; NaN never passes."""
    if lost:
        shares = ", ".join(f"{name} {share:.2g}" for name, share in lost.items())
        raise ParityError(
            f"part {part!r} in format {format!r} must tell samples apart as the Keras model does, received errors of "
            f"these shares of the difference between samples: {shares} (at most {SHARE:g})"
        )
    if not parity.within(bars.atol, bars.min_cosine):
        relative = f" + {bars.rtol:g} of the largest value" if bars.rtol else ""
        raise ParityError(
            f"part {part!r} in format {format!r} must answer as the Keras model does, received max abs diff "
            f"{parity.max_abs_diff:.3g} (at most {bars.atol:g}{relative}) and minimum cosine {parity.min_cosine:.8g} "
            f"(at least {bars.min_cosine:g})"
        )
