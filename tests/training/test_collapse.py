"""A training that has gone wrong ends with what was good."""

import keras
import numpy as np
import pytest

from mmzoo import Checkpoint, StopOnCollapse

X = np.ones((8, 1), "float32")


class Painter(keras.Model):
    """Draws noise times its one weight, so that a weight of 0 is a collapse."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        self.dense.build((None, 1))

    def call(self, x):
        return self.dense(x)

    def generate(self, captions, *, seed=0):
        noise = np.random.default_rng(seed).uniform(0, 20, (len(captions), 2, 2, 3))
        return np.clip(noise * float(self.dense.kernel.numpy()[0, 0]), 0, 255).astype(np.uint8)


class SetWeight(keras.callbacks.Callback):
    def __init__(self, *values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        self.model.dense.set_weights([np.full((1, 1), self.values[epoch], "float32")])


@pytest.fixture
def painter():
    model = Painter()
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model


def fit(model, epochs, *callbacks, x=X):
    return model.fit(x, x, epochs=epochs, verbose=0, callbacks=list(callbacks))


def test_pictures_that_become_alike_stop_it_with_the_last_good_weights(painter, tmp_path):
    guard = StopOnCollapse(["a", "b"], least=2.0)
    with pytest.warns(UserWarning, match="training stopped in epoch 3: pictures of one caption differ by 0.00 levels"):
        history = fit(painter, 9, SetWeight(1.0, 3.0, 0.01), guard, Checkpoint(tmp_path))
    assert len(history.history["diversity"]) == 3
    assert history.history["diversity"][1] > 2
    assert float(painter.dense.kernel.numpy()[0, 0]) == 3
    assert "differ by 0.00 levels, at least 2 are asked" in guard.reason
    resumed = Painter()
    resumed.compile(keras.optimizers.SGD(0.0), "mse")
    fit(resumed, 3, Checkpoint(tmp_path))
    assert float(resumed.dense.kernel.numpy()[0, 0]) == 3


def test_what_has_not_begun_to_draw_is_no_collapse(painter):
    guard = StopOnCollapse(["a"])
    painter.dense.set_weights([np.zeros((1, 1), "float32")])
    fit(painter, 3, SetWeight(0.0, 0.0, 2.0), guard)
    assert guard.reason is None


def test_a_loss_that_is_no_number_stops_it(painter):
    class Poison(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.dense.set_weights([np.full((1, 1), np.nan, "float32")])

    guard = StopOnCollapse(["a"])
    with pytest.warns(UserWarning, match="stopped in epoch 2: loss became nan; the last good weights are kept"):
        fit(painter, 9, Poison(), guard)
    assert float(painter.dense.kernel.numpy()[0, 0]) == 1


def test_a_resumed_run_falls_back_on_what_it_was_resumed_with(painter, tmp_path):
    fit(painter, 1, SetWeight(3.0), StopOnCollapse(["a"]), Checkpoint(tmp_path))
    resumed = Painter()
    resumed.compile(keras.optimizers.SGD(0.1), "mse")
    with pytest.warns(UserWarning, match="loss became nan; the last good weights are kept"):
        fit(resumed, 5, StopOnCollapse(["a"]), Checkpoint(tmp_path), x=np.full((8, 1), np.nan, "float32"))
    assert float(resumed.dense.kernel.numpy()[0, 0]) == 3
    again = Painter()
    again.compile(keras.optimizers.SGD(0.1), "mse")
    fit(again, 2, Checkpoint(tmp_path))
    assert float(again.dense.kernel.numpy()[0, 0]) == 3


@pytest.mark.parametrize(
    ("captions", "options", "message"),
    [
        ("a cat", {}, "captions must be one string or more in a list, received 'a cat'"),
        (["a"], {"samples": 1}, "samples must be at least 2 and least above 0, received 1"),
        (["a"], {"least": 0}, "least above 0, received 4 and 0"),
    ],
)
def test_bad_input_is_refused(captions, options, message):
    with pytest.raises(ValueError, match=message):
        StopOnCollapse(captions, **options)
