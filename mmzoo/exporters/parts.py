"""What of a model is exported: its parts, their names, and how a part is called by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras

from mmzoo.signature import Part, TensorSpec

_RESERVED = ("saved_model", "saved_model_raw")  # folders of a bundle, where every part has a folder of its name


def parts_of(model: Any) -> dict[str, Part]:
    """The parts a model declares with export_parts(), else the model itself as the one part "model".

    Raises TypeError for something that is no model, ValueError where it cannot be run by name with any batch size.
    """
    if hasattr(model, "export_parts"):
        parts: dict[str, Part] = model.export_parts()
    elif isinstance(model, keras.Model):
        _require_graph(model)
        named = zip(input_names(model), model.inputs, strict=True)
        specs = [TensorSpec(name, tuple(t.shape), t.dtype, _id_range(model, t)) for name, t in named]
        parts = {"model": Part(model, tuple(specs), any_size=True)}
    else:
        raise TypeError(f"model must be a keras.Model or have export_parts(), received {type(model).__name__}")
    for name, part in parts.items():
        _check_part(name, part)
    return parts


def input_names(model: keras.Model) -> list[str]:
    """Names of a model's inputs, in model.inputs' order: its dictionary's keys, else the names given to keras.Input."""
    # Keras calls an input without a name keras_tensor, and input_layer once it was saved and loaded.
    made = [_stable(_stable(tensor.name, "KerasTensor", "input"), "InputLayer", "input") for tensor in model.inputs]
    return _names(_inputs(model), made)


def output_names(model: keras.Model) -> list[str]:
    """Names of a model's outputs, flattened: its dictionary's keys, else the names given to the layers they leave."""
    if isinstance(model, keras.Sequential):
        kinds = {model.layers[-1].name: type(model.layers[-1]).__name__}
    else:
        kinds = {operation.name: type(operation).__name__ for operation in model.operations}
    layers = getattr(model, "output_names", None) or list(kinds)
    return _names(_outputs(model), [_stable(name, kinds.get(name, ""), "output") for name in layers])


def call(model: keras.Model, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Runs a model on tensors by name, cast to its inputs' dtypes, without training: {output name: tensor}."""
    named = zip(input_names(model), model.inputs, strict=True)
    tensors = [keras.ops.cast(inputs[name], tensor.dtype) for name, tensor in named]
    outputs = model(keras.tree.pack_sequence_as(_inputs(model), tensors), training=False)
    return dict(zip(output_names(model), keras.tree.flatten(outputs), strict=True))


@contextmanager
def float32_compute(model: keras.Model) -> Iterator[None]:
    """Within it, layers of a mixed-precision policy compute in float32, as artifacts do: few runtimes have bfloat16."""
    policies = [(layer, layer.dtype_policy) for layer in model._flatten_layers()]
    policies = [(layer, policy) for layer, policy in policies if policy.compute_dtype in ("float16", "bfloat16")]
    for layer, _ in policies:
        layer.dtype_policy = "float32"
    try:
        yield
    finally:
        for layer, policy in policies:
            layer.dtype_policy = policy


def _check_part(name: str, part: Part) -> None:
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) or name in _RESERVED:
        raise ValueError(f"a part's name must be an identifier other than {', '.join(_RESERVED)}, received {name!r}")
    _require_graph(part.model)
    declared, names = {spec.name for spec in part.inputs}, input_names(part.model)
    if declared != set(names):
        raise ValueError(f"part {name!r} must declare the model's inputs {sorted(names)}, received {sorted(declared)}")
    for spec in part.inputs:
        if not spec.shape or spec.shape[0] is not None:
            raise ValueError(f"input {spec.name} must leave the batch axis free, received shape {spec.shape}")
    for output, tensor in zip(output_names(part.model), part.model.outputs, strict=True):
        if output in declared:
            raise ValueError(f"outputs must have other names than inputs, received {output} as both")
        if not tensor.shape or tensor.shape[0] is not None:
            raise ValueError(f"output {output} must have the batch axis first, received shape {tuple(tensor.shape)}")
    if unknown := set(part.pictures) - set(output_names(part.model)):
        raise ValueError(f"part {name!r} must have its pictures as outputs, received {', '.join(sorted(unknown))}")


def _require_graph(model: Any) -> None:
    if not hasattr(model, "inputs") or not (isinstance(model, keras.Sequential) or hasattr(model, "output_names")):
        raise ValueError(
            "model must be built from keras.Input, which gives inputs names and shapes, or have export_parts(), "
            f"received {type(model).__name__} {getattr(model, 'name', '')!r}"
        )


def _id_range(model: keras.Model, tensor: Any) -> tuple[float, float] | None:
    """Which ids an input may hold, where embeddings are looked up with it: from 0 to below the smallest of them."""
    sizes = _table_sizes(model, tensor)
    return (0, min(sizes) - 1) if sizes else None


def _table_sizes(model: keras.Model, tensor: Any) -> list[int]:
    """Rows of the embeddings that an input goes into, also inside nested models and layers that have one embedding."""
    sizes = []
    for operation in getattr(model, "_functional", model).operations:
        for node in operation._inbound_nodes:
            places = [place for place, given in enumerate(node.input_tensors) if given is tensor]
            if places and isinstance(operation, (keras.Sequential, keras.Model)) and hasattr(operation, "inputs"):
                sizes += [size for place in places for size in _table_sizes(operation, operation.inputs[place])]
            elif places and isinstance(operation, keras.Layer):
                tables = [layer for layer in operation._flatten_layers() if isinstance(layer, keras.layers.Embedding)]
                if tables == [operation] or (len(tables) == 1 and "int" in tensor.dtype):
                    sizes.append(tables[0].input_dim)
    return sizes


def _inputs(model: keras.Model) -> Any:
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def _outputs(model: keras.Model) -> Any:
    return model.outputs[0] if isinstance(model, keras.Sequential) else model.output


def _names(structure: Any, otherwise: list[str]) -> list[str]:
    """One identifier for each tensor of a structure: its key where it has one, and a number where names repeat."""
    paths = [path for path, _ in keras.tree.flatten_with_path(structure)]
    chosen = [
        path[-1] if path and isinstance(path[-1], str) else name for path, name in zip(paths, otherwise, strict=True)
    ]
    names = [re.sub(r"\W", "_", name, flags=re.ASCII).lstrip("_") or "tensor" for name in chosen]
    return [f"{name}_{names[:i].count(name)}" if names.count(name) > 1 else name for i, name in enumerate(names)]


def _stable(name: str, kind: str, otherwise: str) -> str:
    """A name somebody gave; Keras's own, dense_7 for a Dense, depend on what the process built before."""
    return otherwise if re.sub(r"_\d+$", "", name).replace("_", "") == kind.lower() else name
