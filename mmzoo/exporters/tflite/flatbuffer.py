"""A TFLite file as objects that can be changed, and written with its weights in place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16  # what the schema asks of a buffer's data, and Python's packer forgets
_LIMIT = 1 << 31
_DTYPES: dict[int, np.dtype[Any]] = {
    schema.TensorType.FLOAT32: np.dtype("float32"),
    schema.TensorType.FLOAT16: np.dtype("float16"),
    schema.TensorType.INT32: np.dtype("int32"),
    schema.TensorType.INT64: np.dtype("int64"),
}
_TYPES = {dtype: number for number, dtype in _DTYPES.items()}
_LATER = np.zeros(0, np.uint8)
_CODES = vars(schema.BuiltinOperator)
_NAMES = {number: name for name, number in _CODES.items()}


class File:
    """A TFLite file's object tree: `model` and `graph`, its first subgraph, with what is asked of them again and again.

    Tensors are numbers, their place in graph.tensors; operations are objects of the schema.
    """

    def __init__(self, content: bytes) -> None:
        self.model = schema.ModelT.InitFromPackedBuf(content, 0)
        self.graph = self.model.subgraphs[0]
        self._given: dict[int, np.ndarray] = {}  # values of buffers, laid out when they are written
        self._places: dict[Any, int] = {}
        for buffer in self.model.buffers:
            if buffer.offset > 1:  # behind the tree, a newer layout that not every runtime reads
                buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0

    def kind(self, operation: Any) -> str:
        """What an operation is, such as "FULLY_CONNECTED"."""
        code = self.model.operatorCodes[operation.opcodeIndex]
        return _NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def has_flex(self) -> bool:
        """Whether TensorFlow's own operations are in it."""
        return any((code.customCode or b"").startswith(b"Flex") for code in self.model.operatorCodes)

    def shape(self, tensor: int) -> list[int]:
        """A tensor's axes, -1 where one is free."""
        entry = self.graph.tensors[tensor]
        axes = entry.shape if entry.shapeSignature is None else entry.shapeSignature
        return [] if axes is None else [int(axis) for axis in axes]

    def value(self, tensor: int) -> np.ndarray | None:
        """A constant tensor's value, or None for another tensor."""
        if tensor < 0:
            return None
        entry = self.graph.tensors[tensor]
        data = self.model.buffers[entry.buffer].data
        if data is None or entry.type not in _DTYPES or entry.isVariable:
            return None
        given = self._given.get(entry.buffer)
        if given is not None:
            return given
        return np.asarray(data).view(_DTYPES[entry.type]).reshape([] if entry.shape is None else entry.shape)

    def set_value(self, tensor: int, value: np.ndarray) -> None:
        """Makes a tensor a constant; the same view of the same memory is stored once."""
        entry = self.graph.tensors[tensor]
        key = (value.__array_interface__["data"], value.shape, value.strides, value.dtype)
        if key not in self._places:
            self._places[key] = len(self.model.buffers)
            self._given[len(self.model.buffers)] = value
            self.model.buffers.append(schema.BufferT(data=_LATER))
        entry.type, entry.buffer = _TYPES[value.dtype], self._places[key]
        entry.shape, entry.shapeSignature = list(value.shape), None

    def add_tensor(self, name: str, dtype: str, shape: Iterable[int]) -> int:
        """Adds a tensor, a free axis given as -1."""
        self.graph.tensors.append(schema.TensorT(name=name.encode(), type=_TYPES[np.dtype(dtype)], hasRank=True))
        self.set_shape(len(self.graph.tensors) - 1, list(shape))
        return len(self.graph.tensors) - 1

    def set_shape(self, tensor: int, axes: list[int]) -> None:
        """Says what shape a tensor has, a free axis given as -1; a file says 1 for it, until it is resized."""
        entry = self.graph.tensors[tensor]
        entry.shape, entry.shapeSignature = [abs(axis) for axis in axes], axes if -1 in axes else None

    def add_constant(self, name: str, value: np.ndarray) -> int:
        """Adds a constant tensor."""
        tensor = self.add_tensor(name, value.dtype.name, value.shape)
        self.set_value(tensor, value)
        return tensor

    def make(self, kind: str, inputs: list[int], outputs: list[int], options: Any = None, *, version: int = 1) -> Any:
        """An operation, not yet in the graph. options: an object of the schema, such as ReshapeOptionsT."""
        number = 0 if options is None else vars(schema.BuiltinOptions)[type(options).__name__.removesuffix("T")]
        return schema.OperatorT(
            opcodeIndex=self._code(kind, version),
            inputs=inputs,
            outputs=outputs,
            builtinOptionsType=number,
            builtinOptions=options,
        )

    def _code(self, kind: str, version: int) -> int:
        codes = self.model.operatorCodes
        for index, code in enumerate(codes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == _CODES[kind] and code.version >= version:
                return index
        number = _CODES[kind]
        codes.append(schema.OperatorCodeT(deprecatedBuiltinCode=min(number, 127), builtinCode=number, version=version))
        return len(codes) - 1

    def readers(self) -> dict[int, list[Any]]:
        """{tensor: the operations that read it}."""
        found: dict[int, list[Any]] = {}
        for operation in self.graph.operators:
            for tensor in set(map(int, operation.inputs)):
                found.setdefault(tensor, []).append(operation)
        return found

    def makers(self) -> dict[int, Any]:
        """{tensor: the operation that makes it}."""
        return {int(tensor): operation for operation in self.graph.operators for tensor in operation.outputs}

    def remove(self, operations: Iterable[Any]) -> None:
        """Takes operations out of the graph."""
        gone = {id(operation) for operation in operations}
        self.graph.operators = [operation for operation in self.graph.operators if id(operation) not in gone]

    def drop_unused(self) -> None:
        """Drops tensors that nothing reads or makes, and the data of buffers and codes of operations that nothing has."""
        graph = self.graph
        used = {int(tensor) for tensor in (*graph.inputs, *graph.outputs)}
        for operation in graph.operators:
            for tensors in (operation.inputs, operation.outputs, operation.intermediates):
                used |= {int(tensor) for tensor in ([] if tensors is None else tensors)}
        kept = sorted(used - {-1})
        place = {tensor: index for index, tensor in enumerate(kept)} | {-1: -1}
        graph.tensors = [graph.tensors[tensor] for tensor in kept]
        graph.inputs, graph.outputs = _moved(graph.inputs, place), _moved(graph.outputs, place)
        for operation in graph.operators:
            operation.inputs, operation.outputs = _moved(operation.inputs, place), _moved(operation.outputs, place)
            if operation.intermediates is not None:
                operation.intermediates = _moved(operation.intermediates, place)
        self._drop_unused_data()
        self._drop_unused_codes()

    def _drop_unused_data(self) -> None:
        read = {entry.buffer for graph in self.model.subgraphs for entry in graph.tensors}
        read |= {entry.buffer for entry in self.model.metadata or ()}
        for index, buffer in enumerate(self.model.buffers):
            if index not in read:
                buffer.data = None

    def _drop_unused_codes(self) -> None:
        operations = [operation for graph in self.model.subgraphs for operation in graph.operators]
        kept = sorted({operation.opcodeIndex for operation in operations})
        place = {code: index for index, code in enumerate(kept)}
        self.model.operatorCodes = [self.model.operatorCodes[code] for code in kept]
        for operation in operations:
            operation.opcodeIndex = place[operation.opcodeIndex]

    def write(self, path: Path) -> None:
        """Writes the file. Raises ValueError where it would not fit into 2 GB, which the format cannot exceed."""
        for index, value in self._given.items():
            if self.model.buffers[index].data is not None:
                self.model.buffers[index].data = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        size = sum(buffer.data.nbytes for buffer in self.model.buffers if isinstance(buffer.data, np.ndarray))
        require_size(size)
        builder = _Builder(size + (1 << 22))  # as large as needed from the start: growing copies everything
        try:
            builder.Finish(self.model.Pack(builder), _IDENTIFIER)
        except flatbuffers.builder.BuilderSizeError:
            require_size(_LIMIT)
            raise
        with path.open("wb") as file:
            file.write(memoryview(builder.Bytes)[builder.Head() :])


def require_size(size: int) -> None:
    """Raises ValueError where weights of so many bytes are more than a TFLite file can hold."""
    if size >= _LIMIT:
        raise ValueError(f"a TFLite file must hold less than 2 GB of weights, received {size / 1e9:.1f} GB")


class _Builder(flatbuffers.Builder):
    """Aligns buffers as the schema says."""

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:
        return super().StartVector(elemSize, numElems, _ALIGNMENT if elemSize == 1 else alignment)


def _moved(tensors: Iterable[int], place: dict[int, int]) -> list[int]:
    return [place[int(tensor)] for tensor in tensors]
