"""Nodes of an ONNX graph written one call each, on flat arrays of whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

EXTENSIONS = "ai.onnx.contrib"  # the domain of onnxruntime-extensions
Value = str | int | np.ndarray  # a tensor of the graph by its name, or a constant


class Nodes:
    """A list of nodes and constants that grows with each call; tensors are known by their names.

    Whole numbers are int64. Only operators that are the same in opset 17 to 20 are used.
    """

    def __init__(self, prefix: str, constants: dict[str, np.ndarray] | None = None) -> None:
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {} if constants is None else constants

    def all(self, operator: str, *inputs: Value, outputs: int = 1, domain: str = "", **attributes: Any) -> list[str]:
        """Adds a node and gives the names of its outputs."""
        import onnx

        number = len(self.nodes)
        names = [f"{self.prefix}/{operator}_{number}:{index}" for index in range(outputs)]
        arguments = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        node = onnx.helper.make_node(operator, arguments, names, f"{self.prefix}/{operator}_{number}", domain=domain)
        node.attribute.extend(onnx.helper.make_attribute(name, value) for name, value in attributes.items())
        self.nodes.append(node)
        return names

    def __call__(self, operator: str, *inputs: Value, domain: str = "", **attributes: Any) -> str:
        """Adds a node of one output and gives its name."""
        return self.all(operator, *inputs, domain=domain, **attributes)[0]

    def constant(self, value: int | np.ndarray) -> str:
        array = np.asarray(value, np.int64) if isinstance(value, int) else value
        for name, known in self.constants.items():
            if known.dtype == array.dtype and np.array_equal(known, array) and known.shape == array.shape:
                return name
        name = f"{self.prefix}/constant_{len(self.constants)}"
        self.constants[name] = array
        return name

    def integer(self, value: str) -> str:
        return self("Cast", value, to=7)

    def shape(self, *sides: Value) -> str:
        """A shape from sides that are scalars of the graph or whole numbers."""
        return self("Concat", *(self("Unsqueeze", side, np.array([0])) for side in sides), axis=0)

    def size(self, value: str) -> str:
        return self("Size", value)

    def range(self, stop: Value) -> str:
        return self("Range", 0, stop, 1)

    def filled(self, shape: Value, value: int) -> str:
        import onnx

        return self("ConstantOfShape", shape, value=onnx.numpy_helper.from_array(np.array([value])))

    def any_of(self, first: str, *others: str) -> str:
        for other in others:
            first = self("Or", first, other)
        return first

    def all_of(self, first: str, *others: str) -> str:
        for other in others:
            first = self("And", first, other)
        return first

    def is_one_of(self, value: str, *numbers: int) -> str:
        return self.any_of(*(self("Equal", value, number) for number in numbers))

    def later(self, values: str, by: int, fill: int) -> str:
        """The value `by` places further on, at each place of a flat array; fill past the end."""
        padded = self("Pad", values, np.array([0, by]), fill)
        return self("Slice", padded, np.array([by]), np.array([np.iinfo(np.int64).max]))

    def earlier(self, values: str, by: int, fill: int) -> str:
        """The value `by` places before, at each place of a flat array; fill before its beginning."""
        padded = self("Pad", values, np.array([by, 0]), fill)
        return self("Slice", padded, np.array([0]), np.array([-by]))

    def kept(self, mask: str, *values: str) -> list[str]:
        return [self("Compress", value, mask, axis=0) for value in values]

    def running_sum(self, values: str) -> str:
        return self("CumSum", values, 0)

    def counted(self, groups: str, many: str) -> str:
        """How often each of the numbers below `many` is in groups."""
        zeros = self.filled(self.shape(many), 0)
        ones = self.filled(self("Shape", groups), 1)
        return self("ScatterElements", zeros, groups, ones, axis=0, reduction="add")

    def table(self, values: np.ndarray, index: str) -> str:
        """values[index] as int64, of a short table."""
        return self.integer(self("Gather", _small(values), index))

    def of_character(self, values: np.ndarray, points: str) -> str:
        """values[points] of a table of all code points, which is kept as its distinct pages of 256."""
        pages = _small(values).reshape(-1, 256)
        number: dict[bytes, int] = {}
        page_of = np.array([number.setdefault(page.tobytes(), len(number)) for page in pages])
        distinct = np.frombuffer(b"".join(number), pages.dtype)
        start = self("Mul", self.table(page_of, self("Div", points, 256)), 256)
        return self.table(distinct, self("Add", start, self("Mod", points, 256)))

    def repeated(self, lengths: str) -> tuple[str, str]:
        """For elements that become `lengths` elements each: the element and the place within it of every new one."""
        some = self("Greater", lengths, 0)
        element, counts = self.kept(some, self.range(self.size(lengths)), lengths)
        ends = self.running_sum(counts)
        starts = self("Sub", ends, counts)
        total = self("ReduceSum", counts, keepdims=0)
        zeros, ones = self.filled(self.shape(total), 0), self.filled(self("Shape", starts), 1)
        begun = self.running_sum(self("ScatterElements", zeros, starts, ones, axis=0))
        which = self("Sub", begun, 1)
        return self("Gather", element, which), self("Sub", self.range(total), self("Gather", starts, which))


def _small(values: np.ndarray) -> np.ndarray:
    """The same numbers in as few bytes as they need."""
    kinds = (np.uint8, np.int16, np.int32, np.int64)
    return values.astype(next(k for k in kinds if np.iinfo(k).min <= values.min() and values.max() <= np.iinfo(k).max))
