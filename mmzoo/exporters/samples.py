"""What an export is proven with: the user's inputs, else seeded synthetic ones, and the Keras model's answers."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np

from mmzoo.bundle.samples import Golden
from mmzoo.exporters.parity import golden_outputs
from mmzoo.exporters.parts import output_names
from mmzoo.signature import Part, TensorSpec

SYNTHETIC = 8


def first_parts(parts: Mapping[str, Part]) -> dict[str, Part]:
    """The parts that go on from no other: none of their inputs has the name of what an earlier part gives."""
    first, given = {}, set[str]()
    for name, part in parts.items():
        if given.isdisjoint(spec.name for spec in part.inputs):
            first[name] = part
        given.update(output_names(part.model))
    return first


def goldens_of(parts: Mapping[str, Part], inputs: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Golden]:
    """Each part's sample inputs and the Keras model's answers, from those of the first parts.

    A part that goes on from another is proven with what that gave: no cache of a decoder looks like drawn numbers. What else it
    takes, such as a token, is drawn.
    """
    goldens: dict[str, Golden] = {}
    given: dict[str, np.ndarray] = {}
    count = len(next(iter(next(iter(inputs.values())).values())))
    for name, part in parts.items():
        own = inputs.get(name) or {
            spec.name: as_declared(given[spec.name], spec) if spec.name in given else _synthesize(spec, count)
            for spec in part.inputs
        }
        goldens[name] = Golden(own, golden_outputs(part, own))
        given |= goldens[name].outputs
    return goldens


def sample_inputs(
    parts: Mapping[str, Part], samples: Mapping[str, np.ndarray] | None
) -> dict[str, dict[str, np.ndarray]]:
    """For each part {input name: array (N, ...)} in the declared dtypes; N is that of samples, or 8.

    Raises ValueError where samples lack an input, have another shape, values the dtype cannot hold, or several lengths.
    """
    specs = {spec.name: spec for part in parts.values() for spec in part.inputs}
    for spec in specs.values():
        if spec.dtype == "string" or np.dtype(spec.dtype).kind not in "biuf":
            raise ValueError(f"input {spec.name} must hold numbers to be exported, received dtype {spec.dtype}")
    if samples is not None and not isinstance(samples, Mapping):
        names = ", ".join(specs)
        raise TypeError(f"samples must be {{input name: array}} for {names}, received {type(samples).__name__}")
    if samples is None:
        arrays = {name: _synthesize(spec, SYNTHETIC) for name, spec in specs.items()}
    else:
        if set(samples) != set(specs):
            raise ValueError(f"samples must have the inputs {sorted(specs)}, received {sorted(samples)}")
        arrays = {name: as_declared(np.asarray(samples[name]), spec) for name, spec in specs.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise ValueError(f"samples must all have one length, at least 1, received {lengths}")
    return {name: {spec.name: arrays[spec.name] for spec in part.inputs} for name, part in parts.items()}


def _synthesize(spec: TensorSpec, count: int) -> np.ndarray:
    """Uniform over the range, else -1 to 1; whole numbers without a range are 0 or 1, which every embedding has.

    The second half of float pictures without a range is drawn from 0 to 255: some models want them so and hardly notice
    others. Not every other one: files that quantize activations have one scale for a batch, which such a mix would not fit.
    """
    generator = np.random.default_rng(zlib.crc32(spec.name.encode()))
    free = 96 if len(spec.shape) == 4 else 16  # pictures: enough for five halvings
    shape = (count, *(free if side is None else side for side in spec.shape[1:]))
    kind = np.dtype(spec.dtype)
    if kind.kind == "b":
        return generator.integers(0, 2, shape).astype(kind)
    if kind.kind in "iu":
        low, high = spec.range or (0, 1)
        return generator.integers(int(low), int(high) + 1, shape).astype(kind)
    low, high = spec.range or (-1.0, 1.0)
    values = generator.uniform(low, high, shape)
    if spec.range is None and len(shape) == 4 and shape[-1] in (1, 3):
        values[count // 2 :] = (values[count // 2 :] + 1) * 127.5
    return values.astype(kind)


def as_declared(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    if array.ndim != len(spec.shape) or any(
        side not in (None, length) for side, length in zip(spec.shape, array.shape, strict=True)
    ):
        raise ValueError(f"sample {spec.name} must have shape {spec.shape}, received {array.shape}")
    declared = array.astype(spec.dtype)
    # A float picture in [0, 255] becomes uint8 by rounding down only where it holds whole numbers already.
    if np.issubdtype(declared.dtype, np.integer) and not np.array_equal(declared, array):
        raise ValueError(f"sample {spec.name} must hold values of dtype {spec.dtype}, received others ({array.dtype})")
    return declared
