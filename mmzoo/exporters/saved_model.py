"""SavedModel: one directory in TensorFlow Serving's layout with a signature for each part."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmzoo.exporters.trace import Trace


def write_saved_model(traces: Mapping[str, Trace], path: Path) -> None:
    """Writes the parts' graphs and one copy of their variables; inputs and outputs are named, the batch axis free.

    Raises ValueError for state outside Keras weights, such as lookup tables of string layers; OSError for a full disk.
    """
    variables = [variable for trace in traces.values() for variable in trace.variables]
    save_signatures({name: serving_function(trace) for name, trace in traces.items()}, variables, path)


def save_signatures(functions: Mapping[str, Any], tracked: Sequence[Any], path: Path) -> None:
    """Writes tf.functions as the signatures of one SavedModel, with the variables and tables they use.

    Raises ValueError where a function uses state that is not in tracked, OSError for a full disk.
    """
    import tensorflow as tf

    module = tf.Module()
    module.tracked = list(tracked)
    module.functions = list(functions.values())
    try:
        tf.saved_model.save(module, str(path), signatures=dict(functions))
    except tf.errors.OpError as error:  # its file system speaks so of a full disk
        reason = re.sub(r"\{\{.*?\}\} ?", "", error.message).splitlines()[0]
        raise OSError(f"SavedModel cannot be written: {reason}") from error
    except AssertionError as error:
        if "untracked" not in str(error):
            raise
        raise ValueError("model must keep its state in Keras weights, received a lookup table or the like") from error


def serving_function(trace: Trace) -> Any:
    """The part as a tf.function of its declared inputs alone."""
    import tensorflow as tf

    weights = [variable.value for variable in trace.weights.values()]
    concrete = trace.concrete

    def serve(inputs: dict[str, Any]) -> dict[str, Any]:
        return concrete(weights, inputs)

    return tf.function(serve, autograph=False, input_signature=[trace.signature[1]])
