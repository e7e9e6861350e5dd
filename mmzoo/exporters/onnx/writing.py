"""ONNX: one file a part, converted without its weights, which are attached afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mmzoo
from mmzoo.exporters.onnx.convert import convert_graph
from mmzoo.exporters.onnx.files import infer_shapes, save
from mmzoo.exporters.onnx.weights import attach_weights, drop_unread, fold_constants
from mmzoo.exporters.trace import Trace

OPSET = 20  # has LayerNormalization (17) and Gelu (20) as one operation each


def write_onnx(trace: Trace, path: Path, *, external_data: bool = False) -> tuple[Path, ...]:
    """Converts a part, names the batch axis "batch", has onnx.checker check the graph, and returns the files written.

    external_data: puts the weights into a second file, PATH.data, which must stay beside the first; above 1.5 GB they
    go there in any case, since protobuf ends at 2 GB.
    Raises ValueError where ONNX has no form of an operation; the message lists them.
    """
    import onnx_ir as ir

    from mmzoo.exporters.onnx.convolutions import fuse_convolutions
    from mmzoo.exporters.onnx.fusion import fuse_layers
    from mmzoo.exporters.onnx.rows import compute_read_rows

    proto, weights = convert_graph(trace)
    model = ir.serde.deserialize_model(proto)
    # Nothing that tf2onnx writes changed its meaning between its opset and ours.
    model.opset_imports[""], model.ir_version = OPSET, 9
    attach_weights(model.graph, weights)
    fold_constants(model.graph)
    fuse_layers(model)
    fuse_convolutions(model.graph)
    infer_shapes(model)
    compute_read_rows(model.graph)
    drop_unread(model.graph)
    _name_axes(model.graph)
    model.graph.name = trace.entry.name
    model.producer_name, model.producer_version = "mmzoo", mmzoo.__version__
    model.metadata_props["part"] = trace.entry.name
    return save(model, path, external_data=external_data)


def _name_axes(graph: Any) -> None:
    """The first axis of inputs and outputs becomes "batch"; other free axes are named after their tensor."""
    import onnx_ir as ir

    for node in graph:  # tf2onnx's names for free axes; runtimes infer them again
        for value in node.outputs:
            if not value.is_graph_output():
                value.shape = None
    for value in (*graph.inputs, *graph.outputs):
        free = [f"{value.name}_{axis}" if axis else "batch" for axis in range(len(value.shape))]
        value.shape = ir.Shape(
            [side if isinstance(side, int) else name for side, name in zip(value.shape, free, strict=True)]
        )
