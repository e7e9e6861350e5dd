import csv

import keras
import numpy as np
import pytest

from mmzoo.metrics import RetrievalCallback, ZeroShotCallback, retrieval_report_from_embeds


class Towers(keras.Model):
    """Two linear towers that share nothing with mmzoo's models; text is embedded by its length."""

    def __init__(self):
        super().__init__()
        self.image = keras.layers.Dense(4, use_bias=False, kernel_initializer=keras.initializers.RandomNormal(seed=0))
        self.text = keras.layers.Dense(4, use_bias=False, kernel_initializer=keras.initializers.RandomNormal(seed=1))

    def call(self, inputs):
        return keras.ops.sum((self.image(inputs["images"]) - self.text(inputs["texts"])) ** 2, axis=1)

    def encode_image(self, images):
        return self.image(images)

    def encode_text(self, texts):
        rows = [np.eye(6)[len(text) % 6] for text in texts] if isinstance(texts, list) else texts
        return self.text(np.asarray(rows, "float32"))


TEXTS = ["one", "four", "three"]
IMAGES = np.eye(6, dtype="float32")[[len(text) % 6 for text in TEXTS]]


def fit(callbacks, epochs, verbose=0):
    model = Towers()
    model.compile(keras.optimizers.SGD(0.3), loss=lambda target, distance: distance)
    x = {"images": np.eye(6, dtype="float32"), "texts": np.eye(6, dtype="float32")}
    return model, model.fit(x, np.zeros(6), batch_size=6, epochs=epochs, callbacks=callbacks, verbose=verbose)


def test_figures_of_the_trained_model_reach_the_history():
    callback = RetrievalCallback(IMAGES, TEXTS, ks=(1, 2))
    model, history = fit([callback], epochs=3)
    names = {f"val_{metric}@{k}_{way}" for metric in ("recall", "precision") for k in (1, 2) for way in ("i2t", "t2i")}
    assert names < set(history.history)
    assert all(len(history.history[name]) == 3 for name in names)
    embeds = [keras.ops.convert_to_numpy(each) for each in (model.encode_image(IMAGES), model.encode_text(TEXTS))]
    assert callback.report == retrieval_report_from_embeds(*embeds, ks=(1, 2))
    assert history.history["val_recall@1_i2t"][-1] == callback.report.to_dict()["recall@1_i2t"]


def test_training_goes_on_as_without_the_callback():
    kernels = []
    for callbacks in ([], [RetrievalCallback(IMAGES, TEXTS)]):
        model, _ = fit(callbacks, epochs=3)
        kernels.append(keras.ops.convert_to_numpy(model.image.kernel.value))
    np.testing.assert_array_equal(*kernels)


def test_token_ids_are_passed_on_as_they_are():
    callback = RetrievalCallback(IMAGES, IMAGES, ks=(1,))
    fit([callback], epochs=1)
    assert callback.report.texts == 3


def test_zero_shot_figures_reach_the_history():
    # Labels name the classes by the length of their prompt, and training pulls both towers together.
    callback = ZeroShotCallback(np.eye(6, dtype="float32")[[4, 5]], [0, 1], ["a", "bb"], ["is {}"], ks=(1, 2))
    _, history = fit([callback], epochs=40)
    assert history.history["val_zero_shot_top2"] == [1.0] * 40
    assert callback.report.figures[0].chance == 0.5
    assert history.history["val_zero_shot_top1"][-1] == callback.report.figures[0].value


def test_only_every_frequency_epochs_is_evaluated():
    _, history = fit([RetrievalCallback(IMAGES, TEXTS, ks=(1,), frequency=2)], epochs=5)
    assert len(history.history["loss"]) == 5
    assert len(history.history["val_recall@1_i2t"]) == 2


def test_early_stopping_and_the_csv_log_see_the_figures(tmp_path):
    stopping = keras.callbacks.EarlyStopping("val_recall@1_t2i", mode="max", patience=2)
    log = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    images = np.zeros((3, 6), "float32")  # constant embeddings: recall 0 at every epoch
    _, history = fit([RetrievalCallback(images, TEXTS, ks=(1,)), stopping, log], epochs=20)
    assert len(history.history["loss"]) == 3
    with open(tmp_path / "log.csv") as file:
        assert [row["val_recall@1_t2i"] for row in csv.DictReader(file)] == ["0.0"] * 3


def test_chance_is_printed_beside_each_figure_unless_silent(capsys):
    fit([RetrievalCallback(IMAGES, TEXTS, ks=(1,))], epochs=1, verbose=2)
    printed = capsys.readouterr().out
    assert "Epoch 1: 3 images, 3 texts" in printed
    assert "value  chance" in printed
    fit([RetrievalCallback(IMAGES, TEXTS, ks=(1,))], epochs=1, verbose=0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RetrievalCallback(IMAGES, TEXTS[:2]), "positives must be given unless each image has one text"),
        (lambda: RetrievalCallback(IMAGES, TEXTS, frequency=0), "frequency must be at least 1 epoch, received 0"),
        (lambda: RetrievalCallback(IMAGES, TEXTS, ks=(0,)), "ks must be one or more counts of at least 1, received"),
        (lambda: ZeroShotCallback(IMAGES, [0, 1], ["a", "b"], ["{}"]), r"labels must be int \(3,\), received int64"),
        (
            lambda: ZeroShotCallback(IMAGES, [0, 1, 2], ["a", "b"], ["{}"]),
            "labels must be from 0 to 1, received 0 to 2",
        ),
        (lambda: ZeroShotCallback(IMAGES, [0, 1, 1], ["a", "b"], ["x"]), "templates must have {} where the label goes"),
        (lambda: ZeroShotCallback(IMAGES, [0, 1, 1], ["a", "b"], ["{}"], ks=(3,)), "at most 2, received"),
    ],
)
def test_what_does_not_fit_is_an_error_before_training(make, message):
    with pytest.raises(ValueError, match=message):
        make()
