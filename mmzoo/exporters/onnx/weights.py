"""Weights in an ONNX graph: attached under their Keras paths, laid out as their readers want them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_GROWTH = 1 << 10  # elements that folding one node may add to the file


def attach_weights(graph: Any, values: Mapping[str, np.ndarray]) -> None:
    """Turns graph inputs of these names into initializers, without a copy, and drops those that no node reads."""
    import onnx_ir as ir

    for value in [value for value in graph.inputs if value.name in values]:
        graph.inputs.remove(value)
        if value.uses() or value.is_graph_output():
            value.const_value = ir.tensor(values[value.name], name=value.name)
            graph.initializers.add(value)


def constant(value: Any) -> Any:
    """The array behind a value of the graph that is the same in each run, or None."""
    return None if value is None or value.const_value is None else value.const_value.numpy()


def add_constant(graph: Any, array: np.ndarray, name: str) -> Any:
    """A new initializer of that name, or of one like it where it is taken."""
    import onnx_ir as ir

    taken = graph.initializers
    name = next(one for one in (name, *(f"{name}_{i}" for i in range(1, len(taken) + 2))) if one not in taken)
    shape, kind = ir.Shape(array.shape), ir.TensorType(ir.DataType.from_numpy(array.dtype))
    value = ir.Value(name=name, type=kind, shape=shape, const_value=ir.tensor(array, name=name))
    taken.add(value)
    return value


def drop_unread(graph: Any) -> None:
    """Removes initializers that nothing reads."""
    for value in list(graph.initializers.values()):
        if not value.uses() and not value.is_graph_output():
            del graph.initializers[value.name]


def fold_constants(graph: Any) -> None:
    """Computes the nodes that read only constants, such as a kernel's transpose; the result keeps the weight's name.

    A weight that others read as well stays as it is, and what would make the file larger is not folded.
    """
    for node in list(graph):
        arrays = [constant(value) for value in node.inputs]
        if not arrays or len(node.outputs) != 1 or node.outputs[0].is_graph_output():
            continue
        if any(array is None for array in arrays) or not node.outputs[0].uses():
            continue
        largest = max(node.inputs, key=lambda value: value.const_value.size)
        size, shape = largest.const_value.size, node.outputs[0].shape
        shared = size > _GROWTH and len(largest.uses()) > 1
        grows = shape is None or not shape.is_static() or math.prod(shape.numpy()) > size + _GROWTH
        if not shared and not grows:
            replace_by_constant(graph, node, _evaluate(node, arrays, graph.opset_imports), largest)


def replace_by_constant(graph: Any, node: Any, array: np.ndarray, weight: Any) -> None:
    """Puts an initializer in the place of a node's output; it takes over the weight's name if nothing else reads that."""
    only_reader = len(weight.uses()) == 1
    output = node.outputs[0]
    if only_reader and weight.name in graph.initializers:
        del graph.initializers[weight.name]
    output.replace_all_uses_with(add_constant(graph, array, weight.name))
    graph.remove(node, safe=True)


def _evaluate(node: Any, arrays: list[Any], opsets: Mapping[str, int]) -> np.ndarray:
    """One node by ONNX's reference implementation."""
    import onnx
    import onnx_ir as ir
    from onnx.reference import ReferenceEvaluator

    names = [value.name for value in node.inputs]
    inputs = [onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names)]
    outputs = [onnx.ValueInfoProto(name=node.outputs[0].name)]
    graph = onnx.helper.make_graph([ir.serde.serialize_node(node)], "node", inputs, outputs)
    imports = [onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    evaluator = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=imports))
    [result] = evaluator.run(None, dict(zip(names, arrays, strict=True)))
    return np.asarray(result)
