"""A part as one TensorFlow graph, traced once for all formats, with its weights outside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from mmzoo.bundle import PartEntry
from mmzoo.exporters.parts import call, output_names
from mmzoo.exporters.recurrent import loops_of, plain_steps
from mmzoo.signature import Part, TensorSpec


@dataclass(frozen=True)
class Trace:
    """function(weights, inputs) -> outputs is a tf.function with exactly one trace, the one of its signature.

    weights: {unique name: Keras variable} handed in as the first argument, a list in this order, so that converters need
    not carry them through their passes. Those of recurrent layers are captured, since tf2onnx knows its LSTM and GRU
    only so. variables: all of the part's, for a SavedModel. entry: the inputs and outputs as an artifact declares them.
    """

    entry: PartEntry
    function: Any
    signature: tuple[list[Any], dict[str, Any]]
    weights: dict[str, Any]
    variables: tuple[Any, ...]
    loops: tuple[keras.layers.RNN, ...] = ()

    @property
    def concrete(self) -> Any:
        """The traced function."""
        return self.function.get_concrete_function(*self.signature)

    def with_fixed_shapes(self, batch: int | None = None) -> Any:
        """The function traced for a fixed batch, where one is given, and with recurrent layers step by step, where they are loops.

        A layer over a free number of steps stays a loop.
        """
        import tensorflow as tf

        if batch is None and not self.loops:
            return self.concrete
        weights, inputs = self.signature
        if batch is not None:
            inputs = {key: tf.TensorSpec([batch, *spec.shape[1:]], spec.dtype, key) for key, spec in inputs.items()}
        with plain_steps(self.loops, written_out=True):
            return tf.function(self.function.python_function, autograph=False).get_concrete_function(weights, inputs)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Tensors a layer holds outside its weights, as Normalization its mean; TensorFlow makes inputs of them."""
        captures = self.concrete.graph.captures
        return {inner.name: outer.numpy() for outer, inner in captures if outer.dtype.name != "resource"}


def trace_part(name: str, part: Part) -> Trace:
    """Traces a part with its declared inputs, which are cast to the Keras inputs' dtypes first."""
    import tensorflow as tf

    weights, loops = _weights_by_path(part.model), loops_of(part.model)

    def compute(values: list[Any], inputs: dict[str, Any]) -> dict[str, Any]:
        with keras.StatelessScope(state_mapping=list(zip(weights.values(), values, strict=True))):
            return call(part.model, inputs)

    function = tf.function(compute, autograph=False)
    signature = (
        [tf.TensorSpec(variable.shape, variable.dtype, name=path) for path, variable in weights.items()],
        {spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in part.inputs},
    )
    with plain_steps(loops):
        computed = function.get_concrete_function(*signature).structured_outputs
    # Keras knows static shapes where TensorFlow lost them; TensorFlow knows the dtype under float32_compute.
    symbolic = zip(output_names(part.model), part.model.outputs, strict=True)
    outputs = tuple(TensorSpec(key, tuple(tensor.shape), computed[key].dtype.name) for key, tensor in symbolic)
    variables = tuple(variable.value for variable in part.model.variables)
    entry = PartEntry(name, part.inputs, outputs, part.writing, part.pictures)
    return Trace(entry, function, signature, weights, variables, loops)


def _weights_by_path(model: keras.Model) -> dict[str, Any]:
    """Variables by their Keras paths, with a number where two layers share a path."""
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.RNN)]
    recurrent = {id(variable) for layer in layers for variable in layer.variables}
    weights: dict[str, Any] = {}
    for variable in model.variables:
        if id(variable) not in recurrent:
            path = variable.path
            weights[path if path not in weights else f"{path}_{len(weights)}"] = variable
    return weights
