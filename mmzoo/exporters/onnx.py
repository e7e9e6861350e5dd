"""ONNX: one file a part, converted without its large weights, which are attached afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import mmzoo
from mmzoo.exporters.trace import Trace

OPSET = 18


def write_onnx(trace: Trace, path: Path) -> None:
    """Converts a part's graph, names the batch axis "batch" and has onnx.checker check the file.

    tf2onnx copies every constant in each of its passes; weights that are graph inputs while it works cost nothing, and
    keep their Keras paths as names.
    Raises ValueError where ONNX has no form of an operation; the message lists them.
    """
    import onnx
    import tf2onnx

    # The same signature again: the tf.function returns the trace it has.
    model, _ = tf2onnx.convert.from_function(
        trace.function, input_signature=trace.signature, opset=OPSET, custom_op_handlers={"Erfc": (_convert_erfc, [])}
    )
    _require_known_operations(trace.entry.name, model)
    weights = {name: np.asarray(variable.value) for name, variable in trace.weights.items()}
    _attach(model.graph, weights | trace.constants)
    _name_axes(model.graph)
    model.graph.name = trace.entry.name
    model.producer_name, model.producer_version = "mmzoo", mmzoo.__version__
    onnx.helper.set_model_props(model, {"part": trace.entry.name})
    onnx.save(model, str(path))
    onnx.checker.check_model(str(path), full_check=True)


def _convert_erfc(context: Any, node: Any, name: str, arguments: Any) -> None:
    """Erfc(x) = 1 - Erf(x): the exact GELU uses it, and ONNX has only Erf."""
    import tf2onnx

    shape, kind = context.get_shape(node.output[0]), context.get_dtype(node.output[0])
    one = np.ones((), tf2onnx.utils.map_onnx_to_numpy_type(kind))
    constant = context.make_const(tf2onnx.utils.make_name("one"), one)
    erf = context.make_node("Erf", node.input, shapes=[shape], dtypes=[kind])
    inputs, outputs = [constant.output[0], erf.output[0]], node.output
    context.remove_node(node.name)
    context.make_node("Sub", inputs, outputs=outputs, name=name, shapes=[shape], dtypes=[kind])


def _require_known_operations(part: str, model: Any) -> None:
    """tf2onnx leaves what it cannot convert in the graph and says so in its log only."""
    import onnx

    versions = {entry.domain: entry.version for entry in model.opset_import}
    known = (onnx.defs.has(node.op_type, versions[node.domain], node.domain) for node in model.graph.node)
    unknown = sorted({node.op_type for node, is_known in zip(model.graph.node, known, strict=True) if not is_known})
    if unknown:
        raise ValueError(f"part {part!r} must be made of operations that ONNX has, received {', '.join(unknown)}")


def _attach(graph: Any, values: Mapping[str, np.ndarray]) -> None:
    """Turns graph inputs of these names into initializers, and drops those that no node reads."""
    import onnx

    used = {name for node in graph.node for name in _read_names(node)} | {output.name for output in graph.output}
    graph.initializer.extend(onnx.numpy_helper.from_array(values[name], name) for name in values if name in used)
    inputs = [value for value in graph.input if value.name not in values]
    del graph.input[:]
    graph.input.extend(inputs)


def _read_names(node: Any) -> list[str]:
    """Names a node reads, those of the loop bodies inside it included."""
    bodies = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    return [*node.input, *(name for body in bodies for inner in body.node for name in _read_names(inner))]


def _name_axes(graph: Any) -> None:
    """The first axis of inputs and outputs becomes "batch"; other free axes are named after their tensor."""
    del graph.value_info[:]  # tf2onnx's names for free axes; runtimes infer them again
    for value in (*graph.input, *graph.output):
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            if not dimension.HasField("dim_value") or dimension.dim_value < 0:
                dimension.dim_param = f"{value.name}_{axis}" if axis else "batch"
