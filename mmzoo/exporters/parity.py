"""An artifact that differs from the Keras model is an error, not a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from keras import ops

from mmzoo.bundle.parity import Parity, compare, worst
from mmzoo.bundle.runners import Runner
from mmzoo.bundle.samples import Golden
from mmzoo.exporters.parts import call
from mmzoo.signature import Part

BATCH = 32


class ParityError(ValueError):
    """An artifact's answers are too far from the Keras model's."""


@dataclass(frozen=True)
class Bars:
    """|a - b| must be at most atol + rtol |b|, the cosine of each sample's outputs at least min_cosine."""

    atol: float
    rtol: float
    min_cosine: float


def golden_outputs(part: Part, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The Keras model's answers to samples (N, ...), computed on the CPU, where float32 is not rounded to TF32.

    Raises ValueError where they hold NaN or infinity: nothing could be compared with them.
    """
    import tensorflow as tf

    count = len(next(iter(inputs.values())))
    with tf.device("/CPU:0"):
        batches = [
            call(part.model, {name: array[start : start + BATCH] for name, array in inputs.items()})
            for start in range(0, count, BATCH)
        ]
    batches = [{name: ops.convert_to_numpy(tensor) for name, tensor in batch.items()} for batch in batches]
    outputs = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    for name, output in outputs.items():
        if not np.isfinite(output).all():
            raise ValueError(
                f"output {name} of the Keras model must be finite on the samples, received NaN or infinity"
            )
    return outputs


def check_parity(part: str, format: str, run: Runner, golden: Golden, bars: Bars) -> Parity:
    """Runs all samples through an artifact, in batches of 3, of 1, and of what is left, and compares.

    (A batch axis frozen at conversion shows at 3 or at 1.)
    Raises ParityError with the figures and the bars; NaN never passes.
    """
    parities = []
    for rows in _batches(golden.count):
        expected = {name: array[rows] for name, array in golden.outputs.items()}
        actual = run({name: array[rows] for name, array in golden.inputs.items()})
        parities.append(compare(expected, actual, rtol=bars.rtol))
    parity = worst(parities)
    if not parity.within(bars.atol, bars.min_cosine):
        relative = f" + {bars.rtol:g} of the value" if bars.rtol else ""
        raise ParityError(
            f"part {part!r} in format {format!r} must answer as the Keras model does, received max abs diff "
            f"{parity.max_abs_diff:.3g} (at most {bars.atol:g}{relative}) and minimum cosine {parity.min_cosine:.8g} "
            f"(at least {bars.min_cosine:g})"
        )
    return parity


def _batches(count: int) -> Iterator[np.ndarray]:
    """Row numbers of batches of 3, 1, 32, 32, ...; fewer than 4 samples are repeated."""
    rows = np.arange(max(count, 4)) % count
    yield rows[:3]
    yield rows[3:4]
    for start in range(4, count, BATCH):
        yield rows[start : start + BATCH]
