"""Where a model's random draws are, kept in its file: Keras writes weights alone there, and its own dropout forgets too."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

DRAWS = "draws"


def save_draws(model: keras.Model, store: Any) -> None:
    """Adds the states of all the model's seed generators, (N, 2), to what its save_own_variables wrote; nothing where none draws."""
    states = _states(model)
    if states:
        store[DRAWS] = np.stack([ops.convert_to_numpy(state) for state in states])


def load_draws(model: keras.Model, store: Any) -> dict[str, Any]:
    """Takes them up again. Returns the rest of the store, for Keras's load_own_variables.

    Weights that come from a model with other dropout are good all the same: the draws then stay where they are.
    """
    rest = {name: store[name] for name in store.keys()}  # noqa: SIM118  Keras's stores have keys, and cannot be iterated
    saved, states = rest.pop(DRAWS, ()), _states(model)
    if len(saved) == len(states):
        for state, value in zip(states, saved, strict=True):
            state.assign(ops.cast(value, state.dtype))
    return rest


def _states(model: keras.Model) -> list[Any]:
    """What belongs to the model and is no weight."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]
