"""One tensor of a checkpoint and the variables of a Keras model it is, with the way from one layout to the other."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import keras
import ml_dtypes
import numpy as np

from mmzoo.pretrained.memory import empty

# Where each of a checkpoint's axes comes from in Keras's layout: the outputs, last there, are first here.
AXES = {"same": None, "dense": (1, 0), "conv": (3, 2, 0, 1)}
_ROWS = 64  # of the checkpoint's axis 0 whose axes change places at a time, within the cache


@dataclasses.dataclass(frozen=True)
class Link:
    """A checkpoint's tensor and what it becomes.

    name: the tensor's in the checkpoint. variables: one, or several that are equal parts of the tensor along its axis 0 in this
    order, as a fused query, key and value. layout: "same"; "dense" (torch keeps a kernel transposed); "conv" (OIHW, Keras HWIO).
    shape: in the checkpoint, where axes of 1 make it another: (1, 1, D) or (1,).
    Raises ValueError for an unknown layout, variables that are not equal parts, or a shape of another number of values.
    """

    name: str
    variables: tuple[keras.Variable, ...]
    layout: str = "same"
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.layout not in AXES:
            raise ValueError(f"layout of {self.name} must be one of {', '.join(AXES)}, received {self.layout!r}")
        shapes = {tuple(variable.shape) for variable in self.variables}
        axes = AXES[self.layout]
        rank = {len(shape) for shape in shapes}
        if len(shapes) != 1 or (axes and rank != {len(axes)}) or (len(self.variables) > 1 and rank == {0}):
            raise ValueError(f"variables of {self.name} must be equal parts for {self.layout!r}, received {shapes}")
        if self.shape is not None and _without_ones(self.shape) != _without_ones(_natural_shape(self)):
            raise ValueError(f"shape of {self.name} must be {_natural_shape(self)} but for ones, received {self.shape}")


def stored_shape(link: Link) -> tuple[int, ...]:
    """The shape that the checkpoint's tensor must have."""
    return _natural_shape(link) if link.shape is None else link.shape


def from_stored(link: Link, blocks: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The checkpoint's tensor as one new array a variable, in the variable's shape and dtype.

    blocks: its values in their order, in pieces of whole rows (indices of axis 0), each done with before the next is asked for.
    Raises ValueError where a finite value would become infinite in the variable's dtype.
    """
    values = [empty(tuple(variable.shape), variable.dtype) for variable in link.variables]
    parts = [_as_stored(value, link.layout) for value in values]
    length, place = len(parts[0]), 0
    scratch = None if AXES[link.layout] is None else _padded(parts[0].shape[1:], values[0].dtype)
    for block in blocks:
        rows = block.reshape(-1, *parts[0].shape[1:])
        while len(rows):
            part, start = parts[place // length], place % length
            if scratch is None:
                count = min(len(rows), length - start)
                _copy(part[start : start + count], rows[:count], link.name)
            else:
                count = min(len(rows), length - start, _ROWS)
                _copy(scratch[:count], rows[:count], link.name)
                part[start : start + count] = scratch[:count]
            rows, place = rows[count:], place + count
    return values


def to_stored(link: Link, dtype: str = "float32") -> np.ndarray:
    """The variables' values as the checkpoint's tensor.

    dtype: "float32", "float16" or "bfloat16". Raises ValueError where a finite value would become infinite in it.
    """
    stored = np.empty(_natural_shape(link), dtype)
    for part, variable in zip(np.split(np.atleast_1d(stored), len(link.variables)), link.variables, strict=True):
        value = _as_stored(np.asarray(keras.ops.convert_to_numpy(variable.value)), link.layout)
        for start in range(0, len(part), _ROWS):
            _copy(part[start : start + _ROWS], value[start : start + _ROWS], link.name)
    return stored.reshape(stored_shape(link))


def row_size(link: Link) -> int:
    """Number of values in one index of the checkpoint's axis 0."""
    return math.prod(_natural_shape(link)[1:])


def _as_stored(value: np.ndarray, layout: str) -> np.ndarray:
    """The same memory in the checkpoint's order of axes; a number becomes a vector of one."""
    axes = AXES[layout]
    return np.atleast_1d(value if axes is None else value.transpose(axes))


def _padded(row: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Room for some rows that are a little apart: at distances of a power of two they would push each other out of the cache."""
    size = math.prod(row)
    return np.empty((_ROWS, size + 16), dtype)[:, :size].reshape(_ROWS, *row)


def _copy(target: np.ndarray, source: np.ndarray, name: str) -> None:
    if not _smaller(target.dtype, source.dtype):
        target[...] = source
        return
    with np.errstate(over="ignore"):
        target[...] = source
    if np.any(np.isinf(target) & np.isfinite(source)):
        largest = np.nanmax(np.abs(np.where(np.isfinite(source), source, 0)))
        raise ValueError(f"{name} must fit into {target.dtype}, received a value of {largest:.4g}")


def _smaller(to: np.dtype, given: np.dtype) -> bool:
    return to != given and float(ml_dtypes.finfo(to).max) < float(ml_dtypes.finfo(given).max)


def _natural_shape(link: Link) -> tuple[int, ...]:
    """The shape in the checkpoint, before axes of 1."""
    shape, axes = tuple(link.variables[0].shape), AXES[link.layout]
    part = shape if axes is None else tuple(shape[axis] for axis in axes)
    return part if len(link.variables) == 1 else (len(link.variables) * part[0], *part[1:])


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size != 1]
