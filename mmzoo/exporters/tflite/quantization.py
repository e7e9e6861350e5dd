"""int8 and float16 TFLite files, made from the float32 one."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mmzoo.exporters.tflite.flatbuffer import File

_MIN_WEIGHT = 1 << 10  # elements; what is smaller is not worth an operation


def quantize_tflite(source: Path, target: Path, precision: str) -> None:
    """Writes the file at `source` with smaller weights; names, shapes and dtypes of inputs and outputs stay.

    "int8": the kernels of dense layers and convolutions and the tables of embeddings become int8 with a scale for each
    output channel or row; activations are quantized at run time. "fp16": weight arrays are stored as float16 and
    computed with in float32; those with values that float16 does not have, beyond 65,504, stay as they are.
    Raises ValueError for another precision, OSError for a full disk.
    """
    from mmzoo.exporters.tflite.flatbuffer import File

    match precision:
        case "int8":
            file = File(_with_int8_weights(source))
        case "fp16":
            file = File(source.read_bytes())
            _store_float16(file)
        case _:
            raise ValueError(f"precision must be int8 or fp16, received {precision!r}")
    file.write(target)


def _with_int8_weights(source: Path) -> bytes:
    from ai_edge_quantizer import quantizer, recipe

    with contextlib.redirect_stderr(io.StringIO()):  # its progress bars
        job = quantizer.Quantizer(source.read_bytes(), recipe.dynamic_wi8_afp32())
        content: bytes = job.quantize(enable_progress_bar=False, enable_progress_report=False).quantized_model
    return content


def _store_float16(file: File) -> None:
    """Each large constant gets a float16 form, and DEQUANTIZE, which runs once, makes the float32 one of it."""
    from ai_edge_litert import schema_py_generated as schema

    operations = []
    for tensor in sorted({int(tensor) for operation in file.graph.operators for tensor in operation.inputs}):
        value = file.value(tensor)
        if value is None or value.dtype != np.float32 or value.ndim < 2 or value.size < _MIN_WEIGHT:
            continue
        with np.errstate(over="ignore"):
            small = value.astype(np.float16)
        if not np.isfinite(small).all():
            continue
        name = (file.graph.tensors[tensor].name or b"").decode()
        stored = file.add_constant(f"{name}/float16", small)
        file.graph.tensors[tensor].buffer = 0
        operations.append(file.make("DEQUANTIZE", [stored], [tensor], schema.DequantizeOptionsT(), version=3))
    file.graph.operators = [*operations, *file.graph.operators]
    file.drop_unused()
