"""A run that was cut ends like one that was not."""

import random
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from mmzoo.training.checkpoint import Checkpoint

DATA = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")


def build_model(width=8):
    keras.utils.set_random_seed(1)
    layers = [keras.Input((4,)), keras.layers.Dense(width), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    return model


def train(model, epochs, *callbacks):
    return model.fit(
        DATA, DATA[:, :1], batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks)
    )


def test_resumed_run_equals_the_uninterrupted_one(tmp_path):
    whole = build_model()
    expected = train(whole, 5)
    train(build_model(), 3, Checkpoint(tmp_path))
    resumed = build_model()
    history = train(resumed, 5, Checkpoint(tmp_path))
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert history.history["loss"] == pytest.approx(expected.history["loss"], rel=1e-6)
    assert int(resumed.optimizer.iterations) == 20


def test_a_later_fit_without_it_starts_at_its_own_beginning(tmp_path):
    train(build_model(), 2, Checkpoint(tmp_path))
    model = build_model()
    train(model, 3, Checkpoint(tmp_path))
    assert len(train(model, 1).history["loss"]) == 1


def test_half_precision_resumes_also_where_the_optimizer_is_built(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    whole = build_model()
    train(whole, 4)
    train(build_model(), 2, Checkpoint(tmp_path))
    resumed = build_model()
    resumed.optimizer.build(resumed.trainable_variables)
    train(resumed, 4, Checkpoint(tmp_path))
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_another_optimizer_is_refused(tmp_path):
    train(build_model(), 1, Checkpoint(tmp_path))
    other = build_model()
    other.compile("rmsprop", "mse")
    with pytest.raises(ValueError, match="optimizer RMSprop, received Adam"):
        train(other, 2, Checkpoint(tmp_path))


def test_the_ten_thousandth_epoch_is_the_newest(tmp_path):
    for epoch in (9998, 9999):
        callback = Checkpoint(tmp_path)
        callback.set_model(build_model())
        callback.on_epoch_end(epoch, {})
    assert Checkpoint(tmp_path).next_epoch == 10000


def test_keeps_the_last_two_and_knows_the_next_epoch(tmp_path):
    assert Checkpoint(tmp_path).next_epoch == 0
    train(build_model(), 4, Checkpoint(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-0003", "epoch-0004"]
    assert Checkpoint(tmp_path).next_epoch == 4


def test_random_numbers_go_on_where_they_were(tmp_path):
    class Draw(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.drawn = []

        def on_epoch_begin(self, epoch, logs=None):
            self.drawn.append((random.random(), np.random.rand()))

    whole, first, second = Draw(), Draw(), Draw()
    train(build_model(), 4, whole)
    train(build_model(), 2, first, Checkpoint(tmp_path))
    train(build_model(), 4, second, Checkpoint(tmp_path))
    assert first.drawn + second.drawn == whole.drawn


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path):
    train(build_model(), 3, Checkpoint(tmp_path))
    path = tmp_path / "epoch-0003" / "variables.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"epoch-0003 is damaged.*variables\.npz must have sha256"):
        assert Checkpoint(tmp_path).next_epoch == 2
    (tmp_path / "epoch-0002" / "state.json").unlink()
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(ValueError, match="all 2 found are damaged"):
        train(build_model(), 5, Checkpoint(tmp_path))


def test_another_model_is_refused_and_left_alone(tmp_path):
    train(build_model(), 1, Checkpoint(tmp_path))
    other = build_model(width=9)
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"must have shape \(4, 9\), received \(4, 8\)"):
        train(other, 2, Checkpoint(tmp_path))
    for now, then in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_kill_while_saving_costs_one_epoch_at_most(tmp_path):
    code = """
import os, signal, sys
if "jax" in sys.argv: sys.modules["tensorflow"] = None
import numpy as np, keras
from mmzoo.training.checkpoint import Checkpoint
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
save, calls = np.savez, []
def save_and_die(*args, **kwargs):
    save(*args, **kwargs)
    calls.append(1)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
np.savez = save_and_die
model.fit(np.ones((8, 4)), np.ones((8, 1)), epochs=5, verbose=0, callbacks=[Checkpoint("run")])
"""
    command = [sys.executable, "-c", code, keras.backend.backend()]
    assert subprocess.run(command, cwd=tmp_path, timeout=120).returncode == -signal.SIGKILL
    assert Checkpoint(tmp_path / "run").next_epoch == 2
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(np.ones((8, 4)), np.ones((8, 1)), epochs=5, verbose=0, callbacks=[Checkpoint(tmp_path / "run")])
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["epoch-0004", "epoch-0005"]
