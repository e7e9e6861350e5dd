"""Gradients for a training step that Keras's fit has no form of, on the backends that mmzoo trains on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

BACKENDS = ("tensorflow", "jax")


def check_backend(backend: str) -> None:
    """Raises ValueError for a backend on which there is no such step."""
    if backend not in BACKENDS:
        raise ValueError(
            f"the Keras backend must be one of {', '.join(BACKENDS)} for adversarial training, received {backend!r}"
        )


def pullback(
    function: Callable[[], Any], variables: Sequence[Any], model: keras.Model
) -> tuple[Any, Callable[[Any], list[Any]]]:
    """A tensor that depends on variables, and what leads a gradient with respect to it back to them.

    function: gives the tensor, and must change no variable; variables: Keras's, of the model.
    Returns the tensor, and a function, to be called once: the tensor's gradient, of its shape -> the variables' gradients.
    """
    if keras.backend.backend() == "jax":
        import jax

        fixed = [(variable, variable.value) for variable in model.variables]

        def pure(values: list[Any]) -> Any:
            mapping = [*fixed, *zip(variables, values, strict=True)]  # the later of two values counts
            with keras.StatelessScope(state_mapping=mapping):
                return function()

        result, back = jax.vjp(pure, [variable.value for variable in variables])
        return result, lambda gradient: back(gradient)[0]
    import tensorflow as tf

    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        result = function()
    return result, lambda gradient: tape.gradient(result, values, output_gradients=gradient)


def value_and_gradients(
    function: Callable[[], Any], variables: Sequence[Any], model: keras.Model, *, scale: Any = 1.0
) -> tuple[Any, list[Any]]:
    """A scalar loss and its gradients with respect to variables, times scale; as pullback."""
    value, back = pullback(function, variables, model)
    return value, back(ops.ones_like(value) * scale)


def input_gradients(function: Callable[..., Any], *inputs: Any) -> tuple[Any, tuple[Any, ...]]:
    """A tensor made of inputs, and the gradient of its sum with respect to each of them; it can be differentiated again."""
    if keras.backend.backend() == "jax":
        import jax

        result, back = jax.vjp(function, *inputs)
        return result, back(ops.ones_like(result))
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        result = function(*inputs)
    return result, tuple(tape.gradient(result, inputs))


def run_step(model: keras.Model, step: Callable[[Any], dict[str, Any]], arguments: Sequence[Any]) -> Any:
    """What a train_step returns, of step(data), which changes the model's variables and returns logs.

    arguments: those of train_step: the data on TensorFlow; the state of the variables and the data on JAX, which gets both back.
    """
    if keras.backend.backend() != "jax":
        return step(arguments[0])
    state, data = arguments
    kinds = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    mapping = [
        pair for variables, values in zip(kinds, state, strict=True) for pair in zip(variables, values, strict=True)
    ]
    with keras.StatelessScope(state_mapping=mapping) as scope:
        logs = step(data)
    return logs, tuple(
        [_current(scope, variable, value) for variable, value in zip(variables, values, strict=True)]
        for variables, values in zip(kinds, state, strict=True)
    )


def _current(scope: keras.StatelessScope, variable: Any, before: Any) -> Any:
    value = scope.get_current_value(variable)
    return before if value is None else value
