import keras
import numpy as np
import pytest

from mmzoo.metrics import CaptionConsistency, FeatureDistance, FeatureExtractor, generation_report

CAPTIONS = [f"caption {place}" for place in range(12)]
REAL = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 3)).astype("uint8")
COLOURS = FeatureExtractor("mean colour", lambda images: images.mean(axis=(1, 2)))


class Painter(keras.Model):
    """Draws noise as bright as a weight that training changes."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        self.asked = []

    def call(self, inputs):
        return self.dense(inputs)

    def generate(self, captions, *, seed=0):
        self.asked.append((list(captions), seed))
        noise = np.random.default_rng(seed).integers(0, 128, (len(captions), 4, 4, 3))
        return (noise + 100 * float(self.dense.kernel[0, 0])).clip(0, 255).astype("uint8")


def fit(callback, epochs=3, verbose=0):
    model = Painter()
    model.compile(keras.optimizers.SGD(0.1), loss="mse")
    history = model.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=epochs, callbacks=[callback], verbose=verbose)
    return model, history.history


def test_the_judge_sees_what_the_trained_model_draws():
    def judge(pictures, captions):
        assert pictures.shape == (12, 4, 4, 3)
        assert captions == CAPTIONS
        return {"brightness": pictures.mean(), "captions": len(captions)}

    callback = CaptionConsistency(CAPTIONS, judge, seed=3)
    model, logs = fit(callback)
    assert model.asked == [(CAPTIONS, 3)] * 3
    assert logs["val_captions"] == [12] * 3
    assert logs["val_brightness"] == sorted(set(logs["val_brightness"]))  # the weight grows, the noise stays
    assert callback.figures["brightness"] == logs["val_brightness"][-1]


def test_feature_distances_are_those_of_the_report():
    callback = FeatureDistance(REAL, CAPTIONS, COLOURS, seed=3)
    model, logs = fit(callback)
    drawn = model.generate(CAPTIONS, seed=3)
    assert callback.report == generation_report(COLOURS(REAL), COLOURS(drawn), extractor="mean colour")
    figures = ("frechet_distance", "kernel_distance", "precision", "recall")
    assert [logs[f"val_{name}"][-1] for name in figures] == [each.value for each in callback.report.figures]
    # Noise of half the brightness comes nearer to real pictures as it is lightened.
    assert logs["val_frechet_distance"][-1] < logs["val_frechet_distance"][0]


@pytest.mark.parametrize(
    "callback",
    [
        CaptionConsistency(CAPTIONS, lambda pictures, captions: {"share": 0.5}, frequency=2),
        FeatureDistance(REAL, CAPTIONS, COLOURS, frequency=2),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_figures_come_with_the_number_of_pictures_every_frequency_epochs_unless_silent(callback, capsys):
    model, _ = fit(callback, epochs=5, verbose=2)
    assert len(model.asked) == 2
    printed = capsys.readouterr().out
    assert "Epoch 4: 12 " in printed
    fit(callback, epochs=2)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda captions, **options: CaptionConsistency(captions, len, **options),
        lambda captions, **options: FeatureDistance(REAL, captions, COLOURS, **options),
    ],
)
def test_what_does_not_fit_is_an_error_before_training(make):
    with pytest.raises(ValueError, match="captions must be one string or more in a list, received 'a red circle'"):
        make("a red circle")
    with pytest.raises(ValueError, match="frequency must be at least 1 epoch, received 0"):
        make(CAPTIONS, frequency=0)
