"""What the fit of mmzoo's models adds to keras.Model.fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from mmzoo.training.freezing import check_optimizer_is_current
from mmzoo.training.resume_data import ResumeData


def fit_arguments(
    model: keras.Model, arguments: Mapping[str, Any], *watching: keras.callbacks.Callback
) -> dict[str, Any]:
    """The arguments of a fit by name, with what mmzoo's data and checkpoints need; `watching` are callbacks of the model's own.

    Raises ValueError where parts were frozen or unfrozen after the optimizer was made.
    """
    check_optimizer_is_current(model)
    _build_optimizer(model)
    result = dict(arguments)
    dataset = result.get("x")
    if hasattr(dataset, "element_spec"):
        result.setdefault("shuffle", False)  # a tf.data.Dataset shuffles itself; Keras warns where it is told to
    callbacks = result.get("callbacks") or []
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        given = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
        result["callbacks"] = [*given, ResumeData(dataset), *watching]
    return result


def refuse_compiled(model: keras.Model, *names: str, instead: str) -> None:
    """Raises ValueError for what compile was given and the model has of its own ("loss", "metrics"), and forgets it.

    Keras would keep it over a compile without. instead: where it is chosen, for the message.
    """
    given = [name for name in names if getattr(model, f"_compile_{name}") is not None]
    for name in names:
        setattr(model, f"_compile_{name}", None)
    if given:
        raise ValueError(f"{' and '.join(given)} must be chosen in {instead}, not in compile({given[0]}=...)")


def _build_optimizer(model: keras.Model) -> None:
    """Its variables would otherwise be made inside the first step, which TensorFlow then traces twice; a strategy makes its own."""
    optimizer, strategy = getattr(model, "optimizer", None), getattr(model, "_distribute_strategy", None)
    if optimizer is not None and not optimizer.built and strategy is None:
        optimizer.build(model.trainable_variables)
