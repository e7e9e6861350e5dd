"""Gradients that a step of two sides takes, against derivatives worked out by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from mmzoo.training.gradients import check_backend, input_gradients, pullback, value_and_gradients


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[2.0], [3.0]], "float32")])
    return model


X = np.array([[1.0, 4.0]], "float32")


def test_a_gradient_is_led_back_to_the_variables(model):
    result, back = pullback(lambda: model(X), model.trainable_variables, model)
    assert float(result[0, 0]) == 14
    (gradient,) = back(ops.convert_to_tensor([[10.0]]))
    np.testing.assert_allclose(gradient, [[10.0], [40.0]])


def test_a_scaled_loss_gives_scaled_gradients(model):
    value, (gradient,) = value_and_gradients(
        lambda: ops.sum(ops.square(model(X))), model.trainable_variables, model, scale=2.0
    )
    assert float(value) == 196
    np.testing.assert_allclose(gradient, 2 * np.array([[28.0], [112.0]]))


def test_a_gradient_of_the_inputs_can_be_differentiated_again(model):
    def penalty():
        _, (gradient,) = input_gradients(lambda x: ops.square(model(x)), ops.convert_to_tensor(X))
        return ops.sum(ops.square(gradient))

    # d/dx = 2 (w.x) w, so the penalty is 4 (w.x)^2 |w|^2 and its slope 8 (w.x) |w|^2 x + 8 (w.x)^2 w.
    value, (gradient,) = value_and_gradients(penalty, model.trainable_variables, model)
    assert float(value) == pytest.approx(4 * 14**2 * 13)
    expected = 8 * 14 * 13 * X.T + 8 * 14**2 * np.array([[2.0], [3.0]])
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


def test_another_backend_is_refused():
    with pytest.raises(ValueError, match="must be one of tensorflow, jax for adversarial training, received 'torch'"):
        check_backend("torch")
