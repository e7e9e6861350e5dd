import json

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from mmzoo.metrics import linear_probe
from mmzoo.metrics.linear_probe import _best_c

RNG = np.random.default_rng(0)


def pixels(shape):
    """A model whose features are its input."""
    inputs = keras.Input(shape, name="images")
    return keras.Model({"images": inputs}, {"pooled": keras.layers.Flatten()(inputs)})


@pytest.fixture(scope="module")
def digits():
    source = load_digits()
    return source.images[..., None] * np.float32(255 / 16), source.target


def test_separable_features_give_one():
    labels = RNG.integers(0, 3, 60)
    images = (100 * np.eye(4)[labels] + RNG.normal(size=(60, 4))).reshape(60, 2, 2, 1)
    report = linear_probe(pixels((2, 2, 1)), (images[:40], labels[:40]), (images[40:], labels[40:]))
    assert report.figures[0].value == report.validation == 1
    assert (report.images, report.classes, report.features) == (20, 3, 4)


def test_pixels_of_digits_reach_what_logistic_regression_does(digits):
    images, labels = digits
    train, validation, test = (slice(0, 600), slice(600, 800), slice(800, 1797))
    report = linear_probe(
        pixels((8, 8, 1)),
        (images[train], labels[train]),
        (images[test], labels[test]),
        validation=(images[validation], labels[validation]),
    )
    flat = images.reshape(len(images), -1) / np.sqrt(np.mean(np.square(images[train])))
    model = LogisticRegression(C=report.c, max_iter=1000).fit(flat[:800], labels[:800])
    assert report.figures[0].value == pytest.approx(model.score(flat[test], labels[test]), abs=0.003)
    assert report.figures[0].value > 0.9
    assert report.per_class[0] > 0.95


def test_labels_that_say_nothing_give_chance():
    images, labels = RNG.normal(size=(1500, 2, 2, 1)), RNG.integers(0, 5, 1500)
    labels[:300] = 2  # so guessing the most frequent class is better than one fifth
    order = RNG.permutation(1500)
    images, labels = images[order], labels[order]
    report = linear_probe(pixels((2, 2, 1)), (images[:700], labels[:700]), (images[700:], labels[700:]))
    figure = report.figures[0]
    assert figure.chance == np.mean(labels[:700] == 2) > 0.3
    assert figure.value == pytest.approx(figure.chance, abs=0.06)


def test_an_encoder_is_left_as_it_is_and_the_output_is_chosen():
    inputs = keras.Input((2, 2, 1), name="images")
    flat = keras.layers.Flatten()(inputs)
    normal = keras.layers.BatchNormalization(name="norm")(flat)
    outputs = {
        "pooled": normal,
        "embeds": keras.layers.Dense(2)(normal),
        "sequence": keras.layers.Reshape((4, 1))(flat),
    }
    model = keras.Model({"images": inputs}, outputs)
    before = model.get_weights()
    data = RNG.integers(0, 255, (20, 2, 2, 1)), np.arange(20) % 2
    assert linear_probe(model, data, data).features == 4
    assert linear_probe(model, data, data, output="embeds").features == 2
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    with pytest.raises(ValueError, match="output must be one of pooled, embeds, sequence, received 'image_embeds'"):
        linear_probe(model, data, data, output="image_embeds")
    with pytest.raises(ValueError, match=r"output must have shape \(N, D\), received \(None, 4, 1\)"):
        linear_probe(model, data, data, output="sequence")


def test_the_search_ends_at_the_peak_and_eight_steps_a_decade():
    tried = []

    def accuracy(c):
        tried.append(c)
        return -abs(np.log10(c) - 1.4)

    assert _best_c(accuracy)[0] == pytest.approx(10**1.375)
    assert tried[:7] == pytest.approx([1e-6, 1e-4, 1e-2, 1, 1e2, 1e4, 1e6])
    assert len(tried) == 7 + 2 * 4
    assert _best_c(lambda c: 0.5)[0] == pytest.approx(1e-6)


def test_the_report_is_ready_for_json():
    labels = np.array([0, 1] * 10)
    images = np.repeat(labels, 4).reshape(20, 2, 2, 1) * 9.0
    report = linear_probe(pixels((2, 2, 1)), (images, labels), (images[:1], labels[:1]))
    found = json.loads(json.dumps(report.to_dict()))
    assert found["top1"] == 1
    assert found["per_class"] == [1, None]
    assert str(report).splitlines()[1] == "metric   value  chance"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 1], r"labels must be int \(4,\), received int64 \(3,\)"),
        ([0, 0, 0, 0], "train must hold pictures of two classes and some to choose C by, received 4"),
        ([-1, 0, 1, 0], "labels must be from 0 to"),
    ],
)
def test_labels_that_do_not_fit_are_errors(labels, message):
    data = np.zeros((4, 2, 2, 1)), np.array(labels)
    with pytest.raises(ValueError, match=message):
        linear_probe(pixels((2, 2, 1)), data, (data[0], np.zeros(4, int)))


def test_a_model_with_two_inputs_is_an_error():
    inputs = [keras.Input((2,), name="images"), keras.Input((2,), name="token_ids")]
    model = keras.Model(inputs, keras.layers.Add()(inputs))
    with pytest.raises(ValueError, match=r"model must have one input, .* received \['images', 'token_ids'\]"):
        linear_probe(model, (np.zeros((2, 2)), [0, 1]), (np.zeros((2, 2)), [0, 1]))
