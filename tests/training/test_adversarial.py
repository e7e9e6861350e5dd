"""Two optimizers that are compiled, saved and slowed down as one."""

import keras
import numpy as np
import pytest

from mmzoo.training.adversarial import AdversarialOptimizer


def variables():
    return [keras.Variable(np.ones(2, "float32"))], [keras.Variable(np.ones(3, "float32"))]


def test_each_side_has_its_own_rate_and_state():
    both = AdversarialOptimizer(keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.25))
    generator, discriminator = variables()
    both.prepare(generator, discriminator, scale_loss=False)
    both.generator.apply([np.ones(2, "float32")], generator)
    both.discriminator.apply([np.ones(3, "float32")], discriminator)
    both.discriminator.apply([np.ones(3, "float32")], discriminator)
    np.testing.assert_allclose(generator[0], 0.5)
    np.testing.assert_allclose(discriminator[0], 0.5)
    assert int(both.iterations) == 1
    assert len(both.variables) == len(both.generator.variables) + len(both.discriminator.variables)


def test_a_callback_that_halves_the_rate_halves_both():
    both = AdversarialOptimizer(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(4e-3))
    both.learning_rate = 5e-4
    assert float(both.generator.learning_rate) == pytest.approx(5e-4)
    assert float(both.discriminator.learning_rate) == pytest.approx(2e-3)


def test_a_rate_of_0_is_no_end():
    both = AdversarialOptimizer(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(4e-3))
    both.learning_rate = 0.0
    both.learning_rate = 1e-3
    assert float(both.discriminator.learning_rate) == pytest.approx(4e-3)


def test_a_scaled_optimizer_of_the_users_own_stays_one():
    sides = (keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(), initial_scale=8) for _ in range(2))
    both = AdversarialOptimizer(*sides)
    both.prepare(*variables(), scale_loss=True)
    again = AdversarialOptimizer.from_config(both.get_config())
    assert again.generator.initial_scale == 8
    assert not isinstance(again.generator.inner_optimizer, keras.optimizers.LossScaleOptimizer)


def test_scaling_that_float16_asked_for_is_asked_for_again():
    both = AdversarialOptimizer("adam", "adam")
    both.prepare(*variables(), scale_loss=True)
    assert isinstance(both.discriminator, keras.optimizers.LossScaleOptimizer)
    assert isinstance(AdversarialOptimizer.from_config(both.get_config()).discriminator, keras.optimizers.Adam)


def test_it_is_prepared_once():
    both = AdversarialOptimizer("adam", "adam")
    both.prepare(*variables(), scale_loss=False)
    with pytest.raises(ValueError, match="compile the model again for other variables"):
        both.prepare(*variables(), scale_loss=False)


def test_one_optimizer_for_both_is_refused():
    one = keras.optimizers.Adam(name="adam")
    with pytest.raises(ValueError, match="each side must have an optimizer of its own, received 'adam' for both"):
        AdversarialOptimizer(one, one)


def test_its_config_makes_the_same_again():
    both = AdversarialOptimizer(keras.optimizers.Adam(1e-3, beta_1=0.0), keras.optimizers.RMSprop(2e-3))
    again = AdversarialOptimizer.from_config(both.get_config())
    assert again.get_config() == both.get_config()
    assert isinstance(again.discriminator, keras.optimizers.RMSprop)


def test_an_optimizer_in_use_is_refused():
    used = keras.optimizers.Adam(name="adam")
    used.build(variables()[0])
    with pytest.raises(ValueError, match="optimizer must be a new one, received 'adam', which is in use"):
        AdversarialOptimizer(used, "adam")


def test_it_cannot_be_applied_as_one():
    with pytest.raises(TypeError, match="applied one by one"):
        AdversarialOptimizer("adam", "adam").apply([])
