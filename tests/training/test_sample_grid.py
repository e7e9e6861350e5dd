import sys

import keras
import numpy as np
import pytest
from PIL import Image

from mmzoo.training.sample_grid import SampleGrid, picture_grid

PICTURES = np.random.default_rng(0).integers(0, 255, (3, 4, 5, 3)).astype("uint8")
ON_TENSORFLOW = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="event files are TensorFlow's")


class Painter(keras.Model):
    """Draws noise, and the epoch's number in the first pixel."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.epochs = 0

    def call(self, inputs):
        return self.dense(inputs)

    def generate(self, captions, *, seed=0):
        self.epochs += 1
        pictures = np.random.default_rng(seed).integers(0, 256, (len(captions), 4, 4, 3)).astype("uint8")
        pictures[0, 0, 0] = self.epochs
        return pictures


def fit(callback, epochs=2):
    model = Painter()
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=epochs, callbacks=[callback], verbose=0)
    return model


def test_pictures_stand_row_by_row_with_white_between():
    grid = picture_grid(PICTURES, 2)
    assert grid.shape == (4 + 2 + 4, 5 + 2 + 5, 3)
    np.testing.assert_array_equal(grid[:4, :5], PICTURES[0])
    np.testing.assert_array_equal(grid[:4, 7:], PICTURES[1])
    np.testing.assert_array_equal(grid[6:, :5], PICTURES[2])
    assert (grid[4:6] == 255).all()
    assert (grid[6:, 5:] == 255).all()


def test_a_row_a_caption_from_the_same_noise_every_epoch(tmp_path):
    fit(SampleGrid(["a", "b"], tmp_path / "samples", per_caption=3, seed=5))
    files = sorted((tmp_path / "samples").iterdir())
    assert [file.name for file in files] == ["epoch-0001.png", "epoch-0002.png"]
    first, second = (np.asarray(Image.open(file)) for file in files)
    expected = np.random.default_rng(5).integers(0, 256, (6, 4, 4, 3)).astype("uint8")
    expected[0, 0, 0] = 1
    np.testing.assert_array_equal(first, picture_grid(expected, 3))
    assert np.flatnonzero((first != second).any(axis=-1)).tolist() == [0]
    assert second[0, 0].tolist() == [2, 2, 2]


def test_only_every_frequency_epochs_is_drawn(tmp_path):
    model = fit(SampleGrid(["a"], tmp_path, frequency=2), epochs=5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-0002.png", "epoch-0004.png"]
    assert model.epochs == 2


@ON_TENSORFLOW
def test_tensorboard_finds_the_same_picture_at_each_epoch(tmp_path):
    import tensorflow as tf

    fit(SampleGrid(["a", "b"], tmp_path, tensorboard=True))
    (events,) = tmp_path.glob("events.out.tfevents.*")
    records = [tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(events))]
    values = [(event.step, value) for event in records for value in event.summary.value]
    assert [(step, value.tag) for step, value in values] == [(1, "samples"), (2, "samples")]
    for step, value in values:
        assert value.metadata.plugin_data.plugin_name == "images"
        width, height, png = value.tensor.string_val
        assert (width, height) == (b"22", b"10")
        assert png == (tmp_path / f"epoch-{step:04d}.png").read_bytes()


def test_tensorboard_without_tensorflow_is_an_error_before_training(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportError, match="tensorboard must be False where TensorFlow"):
        SampleGrid(["a"], tmp_path, tensorboard=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SampleGrid("a red circle", "x"), "captions must be one string or more in a list"),
        (
            lambda: SampleGrid(["a"], "x", per_caption=0),
            "per_caption and frequency must be at least 1, received 0 and 1",
        ),
        (
            lambda: picture_grid(PICTURES / 255, 2),
            r"pictures must be \(N, H, W, 3\) uint8 .* received \(3, 4, 5, 3\) float64",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
