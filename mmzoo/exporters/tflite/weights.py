"""Weights that were inputs while a part was converted become constants of its TFLite file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmzoo.exporters.tflite.flatbuffer import File

_NO_ARITHMETIC = ("TRANSPOSE", "RESHAPE", "EXPAND_DIMS", "SQUEEZE")
_WITH_BODIES = ("WHILE", "IF", "CALL", "CALL_ONCE", "STABLEHLO_COMPOSITE")


def attach(file: File, weights: Mapping[str, np.ndarray]) -> set[str]:
    """Makes constants of the graph's first inputs, of these names and values, transposed and reshaped where they are read so.

    Returns which of them something is computed from that does not depend on the other inputs, or that enter a loop: the
    converter computes such things once, if it is given those weights with the graph.
    """
    inputs = list(map(int, file.graph.inputs))
    file.graph.inputs = inputs[len(weights) :]
    pending = [(name, tensor, value) for tensor, (name, value) in zip(inputs, weights.items(), strict=False)]
    for name, tensor, value in pending:
        file.graph.tensors[tensor].name = name.encode()
        file.set_value(tensor, value)
    readers, folded, computed = file.readers(), [], set()
    while pending:
        name, tensor, value = pending.pop()
        for operation in readers.get(tensor, ()):
            others = [int(other) for other in operation.inputs if int(other) not in (tensor, -1)]
            alone = all(file.value(other) is not None for other in others)
            if not alone and file.kind(operation) not in _WITH_BODIES:
                continue
            arranged = _arranged(file, operation, value)
            if arranged is None:
                computed.add(name)
                continue
            output = int(operation.outputs[0])
            file.graph.tensors[output].name = name.encode()
            file.set_value(output, arranged)
            pending.append((name, output, arranged))
            folded.append(operation)
    file.remove(folded)
    return computed


def _arranged(file: File, operation: Any, value: np.ndarray) -> np.ndarray | None:
    """What an operation makes of a constant, or None where it does more than to arrange it."""
    kind = file.kind(operation)
    if kind not in _NO_ARITHMETIC:
        return None
    if kind == "TRANSPOSE":
        order = file.value(int(operation.inputs[1]))
        return None if order is None else value.transpose(order)
    shape = file.shape(int(operation.outputs[0]))
    return None if -1 in shape else value.reshape(shape)
