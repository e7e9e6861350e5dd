from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest


@pytest.fixture(scope="session")
def golden() -> dict[str, np.ndarray]:
    """What tests/golden/make_losses.py wrote."""
    with np.load(Path(__file__).parents[1] / "golden" / "losses.npz") as file:
        return dict(file)


@pytest.fixture
def gradient() -> Callable:
    """(function of one tensor, its value) -> (the sum of what it returns, the gradient there), by either backend."""

    def jax_gradient(function, x):
        import jax

        value, slope = jax.value_and_grad(lambda x: keras.ops.sum(function(x)))(keras.ops.convert_to_tensor(x))
        return float(value), np.asarray(slope)

    def tensorflow_gradient(function, x):
        import tensorflow as tf

        x = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(function(x))
        return float(value), tape.gradient(value, x).numpy()

    return jax_gradient if keras.backend.backend() == "jax" else tensorflow_gradient
