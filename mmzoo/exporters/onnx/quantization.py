"""Smaller ONNX files of a written one: int8 weights with activations quantized at run time, or float16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.exporters.onnx.files import load, save
from mmzoo.exporters.onnx.half import to_float16
from mmzoo.exporters.onnx.weights import add_constant, constant, drop_unread

_LARGE = 1 << 10  # elements; less is not worth the operations
_ROWS = 1 << 14
# Processors without VNNI add pairs of uint8 x int8 products in 16 bits, which 2 x 255 x 127 overflows and 2 x 255 x 63
# does not: weights of 7 bits give the same answers on each processor. CLIP ViT-B/32's smallest cosine to float32 is
# 0.9996 (image) and 0.9984 (text) with them, 0.9999 and 0.9994 with 8 bits, at the same speed.
_PRODUCT_LEVELS = 63


def quantize_onnx(source: Path, target: Path, precision: str) -> tuple[Path, ...]:
    """Writes a model at precision "int8" or "fp16" with the same inputs and outputs, and returns the files written.

    Weights go to a second file where the source has one, and above 1.5 GB. Raises ValueError for another precision.
    """
    if precision not in ("int8", "fp16"):
        raise ValueError(f"precision must be int8 or fp16, received {precision!r}")
    model, external = load(source)
    if precision == "int8":
        to_int8(model.graph)
    else:
        model = to_float16(model)
    return save(model, target, external_data=external)


def to_int8(graph: Any) -> None:
    """Rewrites an onnx_ir.Graph in place with int8 weights, one scale for each output channel or embedding row.

    A product with a weight becomes a product of integers, its left side quantized at run time with one scale; a lookup
    reads int8 rows and their scales. Other large weights, as of convolutions, are stored as int8 and multiplied out
    when a runtime loads the file: integer convolutions are slower than float ones and lose more.
    """
    lefts: dict[Any, tuple[Any, ...]] = {}
    for value in list(graph.initializers.values()):
        array = constant(value)
        if array is None or array.dtype != np.float32 or array.size < _LARGE or array.ndim < 2:
            continue
        uses = list(value.uses())
        if all(use.node.op_type == "MatMul" and use.idx == 1 for use in uses) and array.ndim == 2:
            stored, scale = _store(graph, value, array, axes=(0,), levels=_PRODUCT_LEVELS)
            for use in uses:
                _multiply_integers(graph, use.node, stored, scale, lefts)
            continue
        of_conv = any(use.node.op_type == "Conv" for use in uses)
        axes = tuple(range(1, array.ndim)) if of_conv else (array.ndim - 1,)
        stored, scale = _store(graph, value, array, axes=axes, levels=127)
        whole = None
        for use in uses:
            if use.node.op_type == "Gather" and use.idx == 0 and array.ndim == 2 and _axis(use.node) == 0:
                _look_up(graph, use.node, stored, scale)
            else:
                whole = whole or _multiply_out(graph, value.name, stored, scale)
                use.node.replace_input_with(use.idx, whole)
    drop_unread(graph)
    graph.sort()


def _store(graph: Any, value: Any, array: np.ndarray, *, axes: tuple[int, ...], levels: int) -> tuple[Any, Any]:
    """The int8 form of a weight and its scale, which broadcasts against it, as new initializers."""
    largest = np.maximum(array.max(axes, keepdims=True), -array.min(axes, keepdims=True))
    scale = np.maximum(largest, np.finfo(np.float32).tiny * levels) / np.float32(levels)
    rounded = np.empty(array.shape, np.int8)
    for start in range(0, len(array), _ROWS):  # a table of gigabytes has no room for a float copy
        rows = slice(start, start + _ROWS)
        rounded[rows] = np.rint(array[rows] / (scale[rows] if len(scale) > 1 else scale))
    return add_constant(graph, rounded, f"{value.name}_int8"), add_constant(graph, scale, f"{value.name}_scale")


def _multiply_integers(graph: Any, node: Any, stored: Any, scale: Any, lefts: dict[Any, tuple[Any, ...]]) -> None:
    """x W = (xq - xz) Wq, times the scales of both."""
    import onnx_ir as ir

    x, output = node.inputs[0], node.outputs[0]
    if x not in lefts:
        quantized = ir.node("DynamicQuantizeLinear", [x], num_outputs=3)
        graph.insert_before(node, quantized)
        lefts[x] = tuple(quantized.outputs)
    left, left_scale, zero = lefts[x]
    name = output.name
    integers = _insert(graph, node, "MatMulInteger", [left, stored, zero], f"{name}_integers")
    product = _insert(graph, node, "Cast", [integers], f"{name}_product", to=ir.DataType.FLOAT)
    scales = _insert(graph, node, "Mul", [left_scale, scale], f"{name}_scales")
    result = _insert(graph, node, "Mul", [product, scales], f"{name}_float")
    _replace(graph, node, result)


def _look_up(graph: Any, node: Any, stored: Any, scale: Any) -> None:
    import onnx_ir as ir

    name, indices = node.outputs[0].name, node.inputs[1]
    rows = _insert(graph, node, "Gather", [stored, indices], f"{name}_int8", axis=0)
    scales = _insert(graph, node, "Gather", [scale, indices], f"{name}_scales", axis=0)
    floats = _insert(graph, node, "Cast", [rows], f"{name}_float", to=ir.DataType.FLOAT)
    _replace(graph, node, _insert(graph, node, "Mul", [floats, scales], f"{name}_scaled"))


def _multiply_out(graph: Any, name: str, stored: Any, scale: Any) -> Any:
    import onnx_ir as ir

    first = graph[0]
    floats = _insert(graph, first, "Cast", [stored], f"{name}_float", to=ir.DataType.FLOAT)
    return _insert(graph, first, "Mul", [floats, scale], f"{name}_scaled")


def _insert(graph: Any, before: Any, kind: str, inputs: list[Any], name: str, **attributes: Any) -> Any:
    import onnx_ir as ir

    node = ir.node(kind, inputs, attributes=attributes)
    node.outputs[0].name = name
    graph.insert_before(before, node)
    return node.outputs[0]


def _replace(graph: Any, node: Any, result: Any) -> None:
    output = node.outputs[0]
    result.type, result.shape, name = output.type, output.shape, output.name
    output.replace_all_uses_with(result, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    result.name = name


def _axis(node: Any) -> int:
    return node.attributes.get_int("axis", 0)
