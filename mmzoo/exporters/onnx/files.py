"""ONNX files: checked, and with their weights in a second file where one cannot hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LARGEST = 1_500_000_000  # bytes of weights in the file itself; protobuf ends at 2 GB
_SMALL = 1 << 10  # bytes; tensors up to this size stay in the graph, where shape inference sees them
_KEPT_OUTSIDE = 1 << 20  # bytes; smaller tensors of a second file are read at once


def save(model: Any, path: Path, *, external_data: bool) -> tuple[Path, ...]:
    """Has onnx.checker check an onnx_ir.Model, writes it, and returns the files: path, and path.data for the weights."""
    import onnx
    import onnx_ir as ir

    skeleton, _ = without_weights(model, larger_than=_SMALL)  # the checker would only copy the weights
    onnx.checker.check_model(skeleton, full_check=True)
    sizes = [tensor.nbytes for tensor in model.graph.initializers.tensors() if tensor.nbytes > _SMALL]
    if sizes and (external_data or sum(sizes) > LARGEST):
        data = path.with_name(f"{path.name}.data")
        ir.save(model, path, external_data=data.name, size_threshold_bytes=_SMALL)
        return path, data
    ir.external_data.load_to_model(model)
    ir.save(model, path)
    return (path,)


def load(path: Path) -> tuple[Any, bool]:
    """An onnx_ir.Model, and whether its weights lie in a second file, where the large ones stay until they are needed."""
    import onnx_ir as ir

    model = ir.load(path)
    external = False
    for value in model.graph.initializers.values():
        tensor = value.const_value
        if isinstance(tensor, ir.ExternalTensor):
            external = True
            if tensor.nbytes <= _KEPT_OUTSIDE:
                value.const_value = ir.tensor(tensor.numpy().copy(), name=value.name)
    return model, external


def without_weights(model: Any, *, larger_than: int) -> tuple[Any, dict[str, Any]]:
    """The model as an onnx.ModelProto with initializers of more bytes as graph inputs, and their tensors by name."""
    import onnx_ir as ir

    graph = model.graph.clone()
    weights = {name: tensor for name, tensor in graph.initializers.tensor_items() if tensor.nbytes > larger_than}
    for name in weights:
        value = graph.initializers.pop(name)
        value.const_value = None
        graph.inputs.append(value)
    skeleton = ir.Model(graph, ir_version=model.ir_version)
    return ir.serde.serialize_model(skeleton), weights


def infer_shapes(model: Any) -> None:
    """Gives the values of an onnx_ir.Model their shapes as far as they are known, without looking at its weights."""
    import onnx
    import onnx_ir as ir

    skeleton, _ = without_weights(model, larger_than=_SMALL)
    inferred = onnx.shape_inference.infer_shapes(skeleton, data_prop=True)
    shapes = {info.name: info.type for info in inferred.graph.value_info}
    for node in model.graph:
        for value in node.outputs:
            if value.name in shapes:
                value.shape = ir.serde.deserialize_type_proto_for_shape(shapes[value.name])
                value.type = ir.serde.deserialize_type_proto_for_type(shapes[value.name])
