"""Arrays that a backend takes over as they are, so that a model is in memory once and its weights are copied once."""

from __future__ import annotations

import math
import mmap
from typing import Any

import keras
import numpy as np

_ALIGNMENT = 64  # bytes; TensorFlow and JAX copy what lies otherwise
_PAGES = 2**20  # bytes from which an array gets pages of its own


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array without values whose memory a backend can use.

    Large ones are asked of the system directly: numpy would ask for huge pages, which a virtual machine may take four times as long
    to provide (1.6 GB: 4.4 s of processor time instead of 1.0 s), and loading is little else.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory: Any
    if size >= _PAGES:
        memory = np.frombuffer(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), np.uint8)
    else:
        memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def hand_over(array: np.ndarray) -> Any:
    """The array as a tensor of the backend, in the same memory where the backend can: the caller must not use it again."""
    lent = _Lent(array) if keras.backend.backend() == "tensorflow" else array
    return keras.ops.convert_to_tensor(lent, dtype=array.dtype.name)  # JAX copies what no dtype is asked of


class _Lent:
    """An array that is not known for one: TensorFlow copies those before it looks whether it must."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.array if dtype is None else self.array.astype(dtype, copy=False)
