"""Batch normalization after a convolution, which is a factor and an addend a channel, taken into its weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmzoo.exporters.onnx.weights import add_constant, constant


def fuse_convolutions(graph: Any) -> None:
    """Takes a Mul and an Add by constants that follow a Conv into its kernel and bias."""
    for conv in [node for node in graph if node.op_type == "Conv"]:
        while _absorb_next(graph, conv):
            pass


def _absorb_next(graph: Any, conv: Any) -> bool:
    output, kernel = conv.outputs[0], constant(conv.inputs[1])
    readers = output.consumers()
    if kernel is None or len(readers) != 1 or output.is_graph_output() or readers[0].op_type not in ("Mul", "Add"):
        return False
    [reader] = readers
    others = [value for value in reader.inputs if value is not output]
    channel = _by_channel(constant(others[0]), kernel.ndim, len(kernel)) if others else None
    if channel is None:
        return False
    bias = constant(conv.inputs[2]) if len(conv.inputs) > 2 else np.zeros(len(kernel), kernel.dtype)
    if bias is None:
        return False
    if reader.op_type == "Mul":
        weight = conv.inputs[1]
        if len(weight.uses()) == 1:
            del graph.initializers[weight.name]
        scaled = kernel * channel.reshape(-1, *[1] * (kernel.ndim - 1))
        conv.replace_input_with(1, add_constant(graph, scaled, weight.name))
        bias = bias * channel
    else:
        bias = bias + channel
    if reader.op_type == "Add" or len(conv.inputs) > 2:
        old = conv.inputs[2] if len(conv.inputs) > 2 else None
        if old is not None and len(old.uses()) == 1:
            del graph.initializers[old.name]
        conv.resize_inputs(3)
        conv.replace_input_with(2, add_constant(graph, bias, others[0].name if old is None else old.name))
    reader.outputs[0].replace_all_uses_with(output, replace_graph_outputs=True)
    graph.remove(reader, safe=True)
    return True


def _by_channel(array: np.ndarray | None, rank: int, channels: int) -> np.ndarray | None:
    """The factors or addends of the channels (B, C, ...), or None where they are not constant or not one a channel."""
    if array is None or array.ndim > rank:
        return None
    shape = (1,) * (rank - array.ndim) + array.shape
    if shape[1] not in (1, channels) or array.size != shape[1]:
        return None
    return np.broadcast_to(array.ravel(), channels)
