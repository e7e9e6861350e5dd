"""float16 of a float32 model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.exporters.onnx.files import without_weights

_LARGE = 1 << 20  # bytes; smaller weights travel through the conversion
# Squares, sums of many values, and what is computed from them, leave float16's range or its precision.
_IN_FLOAT32 = ("ReduceSum", "ReduceMean", "ReduceL2", "ReduceSumSquare", "Pow", "Sqrt", "Reciprocal")


def to_float16(model: Any) -> Any:
    """An onnx_ir.Model that computes in float16, where that is safe, between float32 inputs and outputs."""
    import onnx_ir as ir
    from onnx_ir.passes.common import RemoveUnusedNodesPass
    from onnxruntime.transformers import float16

    named = [value.name for value in (*model.graph.inputs, *model.graph.outputs)]
    skeleton, weights = without_weights(model, larger_than=_LARGE)
    kept = [*float16.DEFAULT_OP_BLOCK_LIST, *_IN_FLOAT32]
    _write_squares_as_powers(skeleton.graph)
    halved = float16.convert_float_to_float16(skeleton, keep_io_types=named, op_block_list=kept)
    _write_casts_once(halved.graph)
    converted: Any = ir.serde.deserialize_model(halved)
    graph = converted.graph
    _stay_in_float32(graph)
    RemoveUnusedNodesPass()(converted)
    graph.sort()  # the conversion appends its casts, and states some types wrongly, which runtimes infer again
    for value in graph.initializers.values():
        value.dtype = value.const_value.dtype
    for node in graph:
        for value in node.outputs:
            if not value.is_graph_output():
                value.type = value.shape = None
    for value in [value for value in graph.inputs if value.name in weights]:
        graph.inputs.remove(value)
        array = weights[value.name].numpy()
        if value.dtype == ir.DataType.FLOAT16:
            array = np.clip(array, -65504, 65504).astype(np.float16)
        value.const_value = ir.tensor(array, name=value.name)
        graph.initializers.add(value)
    converted.producer_name, converted.producer_version = model.producer_name, model.producer_version
    converted.metadata_props.update(model.metadata_props)
    return converted


def _write_squares_as_powers(graph: Any) -> None:
    """x * x has no operation of its own that the conversion could be told to leave alone."""
    import onnx

    squares = [node for node in graph.node if node.op_type == "Mul" and node.input[0] == node.input[1]]
    for node in squares:
        node.op_type, node.input[1] = "Pow", "squares/exponent"
    if squares:
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(2, np.float32), "squares/exponent"))


def _write_casts_once(graph: Any) -> None:
    """The conversion writes the cast of a value again, under the same name, for each operation that reads it in float32."""
    nodes = list({tuple(node.output): node for node in graph.node}.values())
    del graph.node[:]
    graph.node.extend(nodes)


def _stay_in_float32(graph: Any) -> None:
    """Joins neighbours that compute in float32: the conversion goes through float16 between them, where a sum overflows."""
    import onnx_ir as ir

    def casts(node: Any, kind: Any) -> bool:
        return node is not None and node.op_type == "Cast" and node.attributes.get_int("to") == kind

    for node in list(graph):
        before: Any = node.inputs[0].producer() if node.inputs and node.inputs[0] is not None else None
        if casts(node, ir.DataType.FLOAT) and casts(before, ir.DataType.FLOAT16):
            whole = before.inputs[0]
            if whole.name.endswith("_cast_to_fp16"):  # its name for a float32 value that becomes float16 next
                if node.outputs[0].is_graph_output():
                    node.replace_input_with(0, whole)  # the output keeps its name
                else:
                    node.outputs[0].replace_all_uses_with(whole)


def overflowing_values(path: Path, inputs: Mapping[str, np.ndarray]) -> list[str]:
    """Names of the float16 values of a file that are infinite or NaN on these inputs; minus infinity is a mask's.

    onnxruntime's CPU computes float16 in float32 and would not show them; a value it is asked for, it rounds.
    """
    import onnx
    import onnxruntime

    model = onnx.shape_inference.infer_shapes(onnx.load(str(path), load_external_data=False))
    outputs = {value.name for value in model.graph.output}
    half = onnx.TensorProto.FLOAT16
    values = [
        value
        for value in model.graph.value_info
        if value.name not in outputs and value.type.tensor_type.elem_type == half
    ]
    model.graph.output.extend(values)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    probe = path.with_suffix(".probe.onnx")  # beside it: external data is found from there
    try:
        probe.write_bytes(model.SerializeToString())
        session = onnxruntime.InferenceSession(str(probe), options, providers=["CPUExecutionProvider"])
    finally:
        probe.unlink(missing_ok=True)
    names = [value.name for value in values]
    arrays = session.run(names, dict(inputs)) if names else []
    return [name for name, array in zip(names, arrays, strict=True) if (np.isposinf(array) | np.isnan(array)).any()]
