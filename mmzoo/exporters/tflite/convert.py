"""A part's graph to a TFLite file: converted without its large weights, which are attached afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.exporters.tflite.refused import refusal
from mmzoo.exporters.trace import Trace

_LARGE = 1 << 16  # elements; below that a constant costs the converter nothing worth speaking of
FLEX = "TensorFlow's select operations"


def write_tflite(trace: Trace, path: Path, *, allow_flex: bool = False, batch: int | None = None) -> tuple[str, ...]:
    """Writes a part as one TFLite file with a signature of the part's name, and returns what it needs besides LiteRT.

    allow_flex: lets TensorFlow's own operations in where TFLite has no builtin; a file with one returns FLEX. batch:
    fixes the batch axis, as delegates of phones want it; default free.

    The converter copies and hashes every constant again and again; weights that are graph inputs while it works cost
    nothing, and keep their Keras paths as names. Recurrent layers are written out step by step: with a free batch axis
    TFLite has no builtin for the lists that their loops keep.
    Raises ValueError where an operation has no builtin, with the layers it comes from, for state outside Keras weights,
    and for weights of 2 GB or more; OSError for a full disk.
    """
    from mmzoo.exporters.tflite.flatbuffer import File, require_size
    from mmzoo.exporters.tflite.simplify import simplify
    from mmzoo.exporters.tflite.weights import attach

    require_size(sum(variable.shape.num_elements() * variable.dtype.size for variable in trace.variables))
    function = trace.with_fixed_shapes(batch)
    _require_own_state(trace, function)
    outside = {name for name, variable in trace.weights.items() if _is_large_matrix(variable)}
    while True:
        converted = _convert(_holding(function, trace.weights, outside), allow_flex)
        if isinstance(converted, Exception):
            raise refusal(trace.entry.name, function, str(converted), allow_flex=allow_flex) from converted
        file = File(converted)
        weights = {name: np.asarray(variable.value) for name, variable in trace.weights.items() if name in outside}
        computed = attach(file, weights)
        if not computed:
            break
        outside -= computed
    simplify(file)
    _sign(file, trace.entry.name, sorted(trace.signature[1]), sorted(function.structured_outputs))
    file.write(path)
    return (FLEX,) if file.has_flex() else ()


def _is_large_matrix(variable: Any) -> bool:
    """Convolution kernels stay in the graph, where the converter lays them out and folds normalisation into them."""
    return len(variable.shape) in (2, 3) and np.prod(variable.shape) >= _LARGE and variable.dtype == "float32"


def _holding(function: Any, weights: Mapping[str, Any], outside: AbstractSet[str]) -> Any:
    """The same function with those weights as its first argument that are outside, and the others in it."""
    import tensorflow as tf

    (specs, inputs), _ = function.structured_input_signature

    def compute(values: list[Any], named: dict[str, Any]) -> dict[str, Any]:
        given = iter(values)
        return function([next(given) if name in outside else weights[name].value for name in weights], named)

    given = [spec for name, spec in zip(weights, specs, strict=True) if name in outside]
    return tf.function(compute, autograph=False).get_concrete_function(given, inputs)


def _require_own_state(trace: Trace, function: Any) -> None:
    handles = {id(variable.handle) for variable in trace.variables}
    if any(outer.dtype.name == "resource" and id(outer) not in handles for outer, _ in function.graph.captures):
        raise ValueError("model must keep its state in Keras weights, received a lookup table or the like")


def _convert(concrete: Any, allow_flex: bool) -> bytes | Exception:
    """A TFLite file without signatures, or what the converter says against it, in an exception of a private class."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    converter.experimental_lower_to_saved_model = False  # it would go through a directory outside the export's
    converter.exclude_conversion_metadata = True
    kinds = tf.lite.OpsSet
    converter.target_spec.supported_ops = [kinds.TFLITE_BUILTINS] + [kinds.SELECT_TF_OPS] * allow_flex
    if allow_flex and hasattr(converter, "_experimental_lower_tensor_list_ops"):
        converter._experimental_lower_tensor_list_ops = False  # lists of free shapes, as in loops, have no other form
    try:
        content: bytes = converter.convert()
    except Exception as error:
        return error
    return content


def _sign(file: Any, part: str, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Gives the graph's inputs and outputs, which the converter leaves in TensorFlow's order, their names."""
    from ai_edge_litert import schema_py_generated as schema

    def named(names: Sequence[str], tensors: Sequence[int]) -> list[Any]:
        pairs = zip(names, map(int, tensors), strict=True)
        return [schema.TensorMapT(name=name.encode(), tensorIndex=tensor) for name, tensor in pairs]

    file.model.signatureDefs = [
        schema.SignatureDefT(
            inputs=named(inputs, file.graph.inputs),
            outputs=named(outputs, file.graph.outputs),
            signatureKey=part.encode(),
            subgraphIndex=0,
        )
    ]
