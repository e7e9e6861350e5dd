"""From a traced part to an ONNX graph without its weights: tf2onnx does the work, on a graph that costs it little."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from mmzoo.exporters.trace import Trace

OPSET = 18  # the newest that tf2onnx writes
_SMALL = 1 << 10  # elements


def convert_graph(trace: Trace) -> tuple[Any, dict[str, np.ndarray]]:
    """A part as an onnx.ModelProto whose weights are graph inputs still, and their values by name.

    What tf2onnx folds and fuses by its values stays a constant: vectors, small tensors.
    Raises ValueError where ONNX has no form of an operation; the message lists them.
    """
    import onnx

    concrete = trace.concrete
    values = {name: np.asarray(variable.value) for name, variable in trace.weights.items()} | trace.constants
    declared = [*trace.weights, *sorted(trace.signature[1])]  # the order of TensorFlow's arguments; captures follow
    arguments = dict(zip(declared, concrete.inputs, strict=False))
    arguments |= {inner.name: inner for inner in concrete.inputs if inner.name in trace.constants}
    embedded = {name for name, value in values.items() if value.ndim < 2 or value.size < _SMALL}
    inputs = {argument.name: name for name, argument in arguments.items() if name not in embedded}
    outputs = dict(zip((tensor.name for tensor in concrete.outputs), sorted(concrete.structured_outputs), strict=True))
    graph = _with_constants(concrete, {arguments[name].op.name: values[name] for name in embedded}, inputs)
    model = _convert(graph, inputs, outputs)
    _require_known_operations(trace.entry.name, model)
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    return model, {name: value for name, value in values.items() if name not in embedded}


def _with_constants(concrete: Any, constants: Mapping[str, np.ndarray], inputs: Collection[str]) -> Any:
    """The function's GraphDef with constants in the place of these arguments, without what no output needs."""
    import tensorflow as tf

    graph = _graph_def(concrete)
    for node in graph.node:
        if node.name in constants:
            value = tf.make_tensor_proto(constants[node.name])
            node.op = "Const"
            node.attr.clear()
            node.attr["dtype"].type = value.dtype
            node.attr["value"].tensor.CopyFrom(value)
    kept = {tensor.op.name for tensor in concrete.outputs} | {name.split(":")[0] for name in inputs}
    return tf.compat.v1.graph_util.extract_sub_graph(graph, sorted(kept))


def _graph_def(concrete: Any) -> Any:
    """The function's GraphDef, without captured variables and calls of other functions."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    graph = concrete.graph.as_graph_def(add_shapes=True)
    has_variables = any(outer.dtype.name == "resource" for outer, _ in concrete.graph.captures)
    if graph.library.function or has_variables:
        # Takes longer than all the rest, so only where there is a loop, a call or a variable read in its own way.
        frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False, aggressive_inlining=True)
        graph = frozen.graph.as_graph_def(add_shapes=True)
    for part in (*graph.node, *graph.library.function):
        for mark in ("_XlaMustCompile", "_noinline"):  # on Keras's grouped convolutions; they would keep them calls
            part.attr.pop(mark, None)
    return graph


def _convert(graph: Any, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> Any:
    """An onnx.ModelProto of a GraphDef; inputs and outputs: {TensorFlow's name: ours}."""
    import tensorflow as tf
    from tf2onnx import optimizer, tf_loader, tfonnx

    with tf.device("/cpu:0"):
        with tf.Graph().as_default():
            graph = tf_loader.tf_optimize(list(inputs), list(outputs), graph)
        with tf.Graph().as_default() as tf_graph:
            tf.import_graph_def(graph, name="")
            converted = tfonnx.process_tf_graph(
                tf_graph,
                continue_on_error=True,
                opset=OPSET,
                custom_op_handlers={"Erfc": (_convert_erfc, [])},
                input_names=list(inputs),
                output_names=list(outputs),
                tensors_to_rename={**inputs, **outputs},
            )
            # Its default, to catch errors, copies the graph before each pass and leaves out the pass that fails.
            converted = optimizer.optimize_graph(converted, catch_errors=False, optimizers=_passes())
    return converted.make_model("part")


def _passes() -> dict[str, Any]:
    """tf2onnx's own passes, one of them mended."""
    from tf2onnx import optimizer
    from tf2onnx.optimizer.transpose_optimizer import TransposeOptimizer, invert_perm

    class TransposePass(TransposeOptimizer):
        """Moves transposes through sums with a scalar too, such as a hard sigmoid's; tf2onnx asks for their length.

        And gives the square of what was transposed its new shape; tf2onnx leaves the old one.
        """

        def _add_handler(self, trans: Any, node: Any) -> Any:
            addend = node.inputs[1]
            if addend.is_const() and not addend.get_tensor_value(as_list=False).shape:
                return self._handle_node_having_branches(trans, node)
            return super()._add_handler(trans, node)

        def _mul_handler(self, trans: Any, node: Any) -> Any:
            shape = self._g.get_shape(node.output[0])
            is_square = set(node.input) == {trans.output[0]}
            is_moved = super()._mul_handler(trans, node)
            if is_square and is_moved and shape:
                inverse = invert_perm(trans.get_attr_value("perm"))
                self._g.set_shape(node.output[0], [shape[axis] for axis in inverse])
                self._g.set_shape(trans.output[0], shape)
            return is_moved

    return {**optimizer._get_optimizers(), "optimize_transpose": TransposePass}


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
