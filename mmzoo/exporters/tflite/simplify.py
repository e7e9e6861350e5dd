"""Dense layers and embeddings as the single operations that TFLite's kernels and quantizer are made for, and shapes as constants.

The converter makes of a Dense on a sequence with a free batch axis a chain: shape arithmetic, a reshape to a matrix, a
product, a reshape back, an addition. FULLY_CONNECTED does all of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mmzoo.exporters.tflite.flatbuffer import File

_NO_ACTIVATION = schema.ActivationFunctionType.NONE
_MIN_TABLE = 1 << 10  # elements; smaller ones the quantizers leave alone
_ON_SHAPES = ("RESHAPE", "SHAPE", "GATHER", "REDUCE_PROD", "PACK", "CONCATENATION", "STRIDED_SLICE", "CAST", "MUL")


def simplify(file: File) -> None:
    """Rewrites the graph in place; it computes the same."""
    _use_fully_connected(file)
    _keep_axes(file)
    _skip_reshapes(file)
    _fuse_bias(file)
    _use_embedding_lookup(file)
    _write_shapes(file)
    _drop_shape_arithmetic(file)
    file.drop_unused()


def _use_fully_connected(file: File) -> None:
    """x @ constant matrix."""
    transposed: dict[int, int] = {}
    operations = []
    for operation in file.graph.operators:
        if file.kind(operation) == "BATCH_MATMUL" and not operation.builtinOptions.adjX:
            x, kernel = map(int, operation.inputs)
            value = file.value(kernel)
            if value is not None and value.ndim == 2 and value.dtype == np.float32:
                if not operation.builtinOptions.adjY:
                    if kernel not in transposed:
                        transposed[kernel] = file.add_constant(_name(file, kernel), value.T)
                    kernel = transposed[kernel]
                options = schema.FullyConnectedOptionsT(keepNumDims=True)
                outputs = list(map(int, operation.outputs))
                operation = file.make("FULLY_CONNECTED", [x, kernel, -1], outputs, options, version=5)
        operations.append(operation)
    file.graph.operators = operations


def _fuse_bias(file: File) -> None:
    """FULLY_CONNECTED, then the addition of a constant vector."""
    readers, gone = file.readers(), []
    for operation in _fully_connected(file):
        if operation.inputs[2] != -1 or operation.builtinOptions.fusedActivationFunction != _NO_ACTIVATION:
            continue
        output = int(operation.outputs[0])
        addition = _only_reader(file, readers, output, "ADD")
        if addition is None:
            continue
        others = [int(tensor) for tensor in addition.inputs if int(tensor) != output]
        bias = file.value(others[0]) if len(others) == 1 else None
        if bias is None or bias.size != file.shape(output)[-1] or bias.dtype != np.float32:
            continue
        if bias.ndim > len(file.shape(output)) or bias.shape[-1:] != (bias.size,):
            continue
        vector = others[0] if bias.ndim == 1 else file.add_constant(_name(file, others[0]), bias.reshape(-1))
        operation.inputs, operation.outputs = [*operation.inputs[:2], vector], list(map(int, addition.outputs))
        operation.builtinOptions.fusedActivationFunction = addition.builtinOptions.fusedActivationFunction
        gone.append(addition)
    file.remove(gone)


def _keep_axes(file: File) -> None:
    """A reshape to a matrix before FULLY_CONNECTED, whose output is reshaped again, as it always is: neither is needed."""
    readers, makers = file.readers(), file.makers()
    operations: list[Any] = []
    sources: dict[tuple[int, int], int] = {}
    dense = {id(operation) for operation in _fully_connected(file)}
    for operation in file.graph.operators:
        before = makers.get(int(operation.inputs[0])) if id(operation) in dense else None
        after = readers.get(int(operation.outputs[0]), []) if before is not None else []
        if before is not None and file.kind(before) == "RESHAPE" and all(file.kind(r) == "RESHAPE" for r in after):
            source, output = int(before.inputs[0]), int(operation.outputs[0])
            outputs, inputs = file.shape(operation.inputs[1])
            lead = _leading(file.shape(source), inputs)
            if lead and output not in file.graph.outputs:
                if file.shape(source) != [*lead, inputs]:
                    if (source, inputs) not in sources:
                        sources[source, inputs] = file.add_tensor(
                            f"{_name(file, source)}/rows", "float32", [*lead, inputs]
                        )
                        operations.append(_reshape(file, source, sources[source, inputs], [*lead, inputs]))
                    source = sources[source, inputs]
                operation.inputs = [source, *operation.inputs[1:]]
                operation.builtinOptions.keepNumDims = True
                operation.opcodeIndex = file.make("FULLY_CONNECTED", [], [], version=5).opcodeIndex
                file.set_shape(output, [*lead, outputs])
        operations.append(operation)
    file.graph.operators = operations


def _leading(axes: list[int], width: int) -> list[int]:
    """The axes before those that make up rows of this width; none where they cannot be told."""
    for index in range(len(axes) - 1, 0, -1):
        if -1 not in axes[index:] and int(np.prod(axes[index:])) == width:
            return axes[:index] if axes[:index].count(-1) <= 1 else []
    return []


def _skip_reshapes(file: File) -> None:
    """A reshape to the axes there are: with one free axis at most, shapes that are written alike are alike."""
    instead: dict[int, int] = {}
    operations = []
    for operation in file.graph.operators:
        operation.inputs = [instead.get(int(tensor), int(tensor)) for tensor in operation.inputs]
        source, output = (
            operation.inputs[0] if operation.inputs else -1,
            int(operation.outputs[0]) if len(operation.outputs) else -1,
        )
        if file.kind(operation) == "RESHAPE" and output not in file.graph.outputs:
            axes = file.shape(source)
            if axes == file.shape(output) and axes.count(-1) <= 1:
                instead[output] = source
                continue
        operations.append(operation)
    file.graph.operators = operations


def _use_embedding_lookup(file: File) -> None:
    """Rows of a constant table: GATHER has no kernel for a table quantized row by row."""
    operations = []
    for operation in file.graph.operators:
        lookup = _lookup(file, operation) if file.kind(operation) == "GATHER" else None
        operations.extend([operation] if lookup is None else lookup)
    file.graph.operators = operations


def _lookup(file: File, gather: Any) -> list[Any] | None:
    table, ids = map(int, gather.inputs[:2])
    value, axes, output = file.value(table), file.shape(ids), int(gather.outputs[0])
    if value is None or value.ndim != 2 or value.dtype != np.float32 or value.size < _MIN_TABLE or not axes:
        return None
    options = gather.builtinOptions
    if options.axis or options.batchDims or file.graph.tensors[ids].type != schema.TensorType.INT32:
        return None
    count = -1 if -1 in axes else int(np.prod(axes))
    name, width = _name(file, output), value.shape[1]
    flat = file.add_tensor(f"{name}/ids", "int32", [count])
    rows = file.add_tensor(f"{name}/rows", "float32", [count, width])
    return [
        _reshape(file, ids, flat, [count]),
        file.make("EMBEDDING_LOOKUP", [flat, table], [rows]),
        *_reshape_rows(file, rows, output, ids, width),
    ]


def _reshape_rows(file: File, rows: int, output: int, ids: int, width: int) -> list[Any]:
    """Rows (count, width) to the axes of the ids, and the width: computed from the ids where several are free."""
    axes = file.shape(ids)
    if axes.count(-1) <= 1:
        return [_reshape(file, rows, output, [*axes, width])]
    name = _name(file, output)
    found = file.add_tensor(f"{name}/axes", "int32", [len(axes)])
    wanted = file.add_tensor(f"{name}/shape", "int32", [len(axes) + 1])
    last = file.add_constant(f"{name}/width", np.array([width], np.int32))
    return [
        file.make("SHAPE", [ids], [found], schema.ShapeOptionsT(outType=schema.TensorType.INT32)),
        file.make("CONCATENATION", [found, last], [wanted], schema.ConcatenationOptionsT(axis=0)),
        file.make("RESHAPE", [rows, wanted], [output], schema.ReshapeOptionsT()),
    ]


def _reshape(file: File, source: int, target: int, shape: list[int]) -> Any:
    constant = file.add_constant(f"{_name(file, target)}/shape", np.array(shape, np.int32))
    return file.make("RESHAPE", [source, constant], [target], schema.ReshapeOptionsT(newShape=shape))


def _write_shapes(file: File) -> None:
    """The shape of a reshape to one free axis as a constant, where the converter computes it from the batch.

    LiteRT allocates what has a computed shape anew in every call, and XNNPACK's kernels were seen to go on with the old memory.
    """
    operations = []
    for operation in file.graph.operators:
        if file.kind(operation) == "RESHAPE" and len(operation.inputs) == 2:
            (source, shape), output = map(int, operation.inputs), int(operation.outputs[0])
            axes = file.shape(output)
            if file.value(shape) is None and axes.count(-1) == 1 and 0 not in axes:  # beside a 0 a free axis may be any
                operation = _reshape(file, source, output, axes)
        operations.append(operation)
    file.graph.operators = operations


def _drop_shape_arithmetic(file: File) -> None:
    """Operations on shapes that no longer lead anywhere."""
    kept = {int(tensor) for tensor in file.graph.outputs}
    operations = []
    for operation in reversed(file.graph.operators):
        outputs = [int(tensor) for tensor in operation.outputs]
        if file.kind(operation) not in _ON_SHAPES or kept.intersection(outputs):
            kept.update(int(tensor) for tensor in operation.inputs)
            operations.append(operation)
    file.graph.operators = operations[::-1]


def _fully_connected(file: File) -> list[Any]:
    """Those in the plain form, with a constant kernel."""
    found = [operation for operation in file.graph.operators if file.kind(operation) == "FULLY_CONNECTED"]
    for operation in found:
        operation.inputs = [*map(int, operation.inputs), -1][:3]
    return [operation for operation in found if file.value(operation.inputs[1]) is not None]


def _only_reader(file: File, readers: dict[int, list[Any]], tensor: int, kind: str) -> Any:
    """The one operation of this kind that reads a tensor, or None where others or the caller read it too."""
    found = readers.get(tensor, [])
    if len(found) != 1 or file.kind(found[0]) != kind or tensor in map(int, file.graph.outputs):
        return None
    return found[0]


def _name(file: File, tensor: int) -> str:
    return (file.graph.tensors[tensor].name or b"").decode()
