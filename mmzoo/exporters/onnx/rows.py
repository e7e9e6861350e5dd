"""Rows that nothing reads: of the last block of a vision transformer, CLIP needs the class token alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmzoo.exporters.onnx.weights import add_constant, constant

_UNARY = ("Cast", "Erf", "Gelu", "Identity", "Neg", "Relu", "Sigmoid", "Sqrt", "Tanh")
_BINARY = ("Add", "Div", "Mul", "Sub")
_ALONG_LAST_AXIS = ("LayerNormalization", "Softmax")
_END = np.iinfo(np.int32).max

# Inputs of a node, by number, of which one row is enough, and the axis that this row is on.
Cuts = dict[int, int]


def compute_read_rows(graph: Any) -> None:
    """Moves a Slice of the first row of axis 1 up to where all rows are needed: keys, values, the residual's start.

    The nodes it passes treat each row on its own and have no other reader, so that they computed the other rows for
    nothing: 7 % of the operations of CLIP ViT-B/32's image tower. Values must have their shapes.
    """
    for node in list(graph):
        if node.op_type != "Slice" or node.outputs[0].is_graph_output():
            continue  # an output keeps its name and its shape
        if _takes_first_row(node) and _length(node.inputs[0], 1) is not None:
            passed = _nodes_to_pass(graph, node)
            if passed:
                _cut(graph, passed)
                node.outputs[0].replace_all_uses_with(node.inputs[0], replace_graph_outputs=True)
                graph.remove(node, safe=True)


def _takes_first_row(node: Any) -> bool:
    """x[:, :1], whether the batch axis is mentioned or not."""
    if len(node.inputs) < 4:
        return False
    starts, ends, axes, *steps = (constant(value) for value in node.inputs[1:])
    if any(array is None for array in (starts, ends, axes, *steps)) or any((array != 1).any() for array in steps):
        return False
    taken = {axis: (start, end) for axis, start, end in zip(axes.tolist(), starts.tolist(), ends.tolist(), strict=True)}
    start, end = taken.pop(0, (0, _END))
    return start == 0 and end >= _END and taken == {1: (0, 1)}


def _nodes_to_pass(graph: Any, node: Any) -> dict[Any, Cuts]:
    """From the Slice upwards, nodes whose every reader needs the first row alone."""
    length = _length(node.inputs[0], 1)
    axis_of = {node.inputs[0]: 1}
    passed: dict[Any, Cuts] = {}
    for above in reversed(list(graph)):
        output = above.outputs[0]
        if output not in axis_of or output.is_graph_output():
            continue
        readers = [use for use in output.uses() if use.node is not node]
        if all(use.idx in passed.get(use.node, {}) for use in readers):
            cuts = _cuts(above, axis_of[output], length)
            if cuts and all(axis_of.get(above.inputs[index], axis) == axis for index, axis in cuts.items()):
                passed[above] = cuts
                axis_of |= {above.inputs[index]: axis for index, axis in cuts.items()}
    return passed


def _cuts(node: Any, axis: int, length: int | None) -> Cuts | None:
    """Where a row of the output on this axis comes from, or None for a node that mixes rows."""
    output, kind = node.outputs[0], node.op_type
    if _length(output, axis) != length or any(extra.uses() for extra in node.outputs[1:]):
        return None
    rank = len(output.shape)
    if kind in _UNARY:
        return {0: axis}
    if kind in _BINARY:
        return _cuts_of_broadcast(node, axis - rank, length)
    if kind in _ALONG_LAST_AXIS:
        along = node.attributes.get_int("axis", -1)
        return {0: axis} if axis != rank - 1 and along in (-1, rank - 1) else None
    if kind == "MatMul":
        left, right = node.inputs
        by_matrix = right.shape is not None and len(right.shape) == 2
        is_row = axis == rank - 2 or (by_matrix and axis < rank - 1)
        return {0: axis} if is_row and left.shape is not None and len(left.shape) == rank else None
    if kind == "Transpose":
        return {0: node.attributes.get_ints("perm")[axis]}
    if kind == "Reshape" and axis == 1 and constant(node.inputs[1]) is not None:
        batch, rows, *rest = constant(node.inputs[1]).tolist()
        splits_width = (batch, rows) == (-1, length) and -1 not in rest
        return {0: 1} if splits_width and _length(node.inputs[0], 1) == length else None
    return None


def _cuts_of_broadcast(node: Any, axis: int, length: int | None) -> Cuts | None:
    """axis counts from the end, where broadcasting lines shapes up."""
    cuts = {}
    for index, value in enumerate(node.inputs):
        if value.shape is None:
            return None
        place = len(value.shape) + axis
        side = _length(value, place) if place >= 0 else 1
        if side == length:
            cuts[index] = place
        elif side != 1:
            return None
    return cuts


def _cut(graph: Any, passed: dict[Any, Cuts]) -> None:
    """Gives the passed nodes the first rows of what comes from outside them, and their reshapes the new length."""
    rows: dict[Any, Any] = {}
    for node in [node for node in graph if node in passed]:
        for index, axis in passed[node].items():
            value = node.inputs[index]
            if value.producer() not in passed:
                if (value, axis) not in rows:
                    rows[value, axis] = _first_row(graph, value, axis, node)
                node.replace_input_with(index, rows[value, axis])
        if node.op_type == "Reshape":
            batch, _, *rest = constant(node.inputs[1]).tolist()
            shape = add_constant(graph, np.array([batch, 1, *rest]), f"{node.outputs[0].name}_shape")
            node.replace_input_with(1, shape)
        node.outputs[0].shape = None


def _first_row(graph: Any, value: Any, axis: int, before: Any) -> Any:
    import onnx_ir as ir

    bounds = {"start": 0, "end": 1, "axis": axis}
    constants = [add_constant(graph, np.array([n]), f"{value.name}_{name}") for name, n in bounds.items()]
    node = ir.node("Slice", [value, *constants])
    node.outputs[0].name = f"{value.name}_row"
    graph.insert_before(before, node)
    return node.outputs[0]


def _length(value: Any, axis: int) -> int | None:
    """The static length of an axis."""
    if value.shape is None or not 0 <= axis < len(value.shape):
        return None
    return value.shape[axis] if isinstance(value.shape[axis], int) else None
