"""Does this text belong to this picture: with labels, and without."""

import math

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_bert, build_vit
from mmzoo.models import Matcher, Trunk, build_matcher
from mmzoo.tokenizer import Tokenizer

JIT = keras.backend.backend() == "jax"  # TensorFlow takes longer to compile such a step than to run it
CAPTIONS = ("a red circle", "a blue square", "a green star", "a white ring", "a black cross", "a pink dot")
TOKENIZER = Tokenizer.train(CAPTIONS, 300)
X = {
    "images": np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3)).astype("uint8"),
    "token_ids": TOKENIZER(CAPTIONS, 10),
}
LABELS = np.array([0, 1] * 3)


def encoders():
    sizes = {"vocab_size": TOKENIZER.vocab_size, "context_length": 10, "width": 8, "depth": 1, "num_heads": 2}
    vit = build_vit(image_size=8, patch_size=4, width=8, depth=1, num_heads=2)
    return vit, build_bert(pad_id=TOKENIZER.pad_id, **sizes)


def matcher(fusion="concat", **options):
    return build_matcher(*encoders(), fusion, **{"tokenizer": TOKENIZER, "embed_dim": 4} | options)


def fit(model, *data, **options):
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True, **options.pop("compiled", {}))
    options = {"batch_size": 6, "verbose": 0, "shuffle": False} | options
    return model.fit(*data, **options).history


def forgetful():
    """One whose every logit is 0, and whose similarities are all 0."""
    model = matcher()
    model.match_head.set_weights([np.zeros_like(weight) for weight in model.match_head.get_weights()])
    model.contrast.logit_scale.log_scale.assign(-30.0)
    model.compile("sgd", run_eagerly=True)
    return model


def test_knowing_nothing_costs_a_coin_s_toss_and_without_labels_the_contrast_too():
    model = forgetful()
    labelled = model.evaluate(X, LABELS, verbose=0, return_dict=True)
    assert labelled == pytest.approx({"loss": math.log(2), "match_accuracy": 0.5}, abs=1e-5)
    mined = model.evaluate(X, verbose=0, return_dict=True)
    assert mined == pytest.approx({"loss": math.log(2) + math.log(6), "match_accuracy": 2 / 3}, abs=1e-5)


def test_with_labels_it_learns_the_pairs_it_is_given():
    model = matcher()
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=JIT, metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)  # within the first step it would have that traced twice
    history = model.fit([X["token_ids"], X["images"]], LABELS, batch_size=6, epochs=40, verbose=0).history
    assert set(history) == {"loss", "match_accuracy", "accuracy"}
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    assert history["match_accuracy"] == pytest.approx(history["accuracy"])
    np.testing.assert_array_equal(model.match(X["images"], CAPTIONS) > 0.5, LABELS == 1)


def test_without_labels_it_learns_which_belong_together():
    model = matcher()
    model.compile(keras.optimizers.Adam(3e-3), jit_compile=JIT)
    model.optimizer.build(model.trainable_variables)
    validation = {"validation_data": (X, None), "validation_freq": 100}
    history = model.fit(X, batch_size=6, epochs=200, verbose=0, **validation).history
    assert set(history) == {"loss", "match_accuracy", "val_loss", "val_match_accuracy"}
    assert np.mean(history["loss"][-5:]) < 0.5 * history["loss"][0]
    right = model.match(X["images"], CAPTIONS)
    wrong = np.stack([model.match(X["images"], np.roll(CAPTIONS, shift).tolist()) for shift in range(1, 6)])
    assert right.shape == (6,)
    assert (right > wrong).mean() >= 0.9


@pytest.mark.parametrize("fusion", ["add", "concat"])
def test_a_match_is_more_than_what_each_of_the_two_is_like(fusion):
    model = matcher(fusion)

    def logit(picture, text):
        pair = {"images": X["images"][picture : picture + 1], "token_ids": X["token_ids"][text : text + 1]}
        return float(model(pair)["match_logits"][0, 0])

    # Of a sum f(picture) + g(text), which ranks all texts alike for every picture, this would be 0.
    assert abs(logit(0, 0) + logit(1, 1) - logit(0, 1) - logit(1, 0)) > 1e-3


def test_predict_is_the_match_of_a_call():
    model = matcher()
    predicted = model.predict(X, verbose=0)
    assert predicted.shape == (6, 1)
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted, np.asarray(model(X)["match"]), atol=1e-6)
    np.testing.assert_allclose(model.predict([X["token_ids"], X["images"]], verbose=0), predicted, atol=1e-6)
    np.testing.assert_allclose(model.match(X["images"], CAPTIONS), predicted[:, 0], atol=1e-6)
    assert model.match(X["images"][:0], []).shape == (0,)


@pytest.mark.once
def test_a_loss_of_one_s_own_takes_labels_and_probabilities():
    model = matcher()
    expected = np.square(np.asarray(model(X)["match"])[:, 0] - LABELS).mean()
    history = fit(model, X, LABELS, compiled={"loss": "mse"})
    assert history["loss"][0] == pytest.approx(expected, rel=1e-4)


def test_metrics_of_labels_are_logged_of_labels_alone():
    model = matcher()
    model.compile("sgd", jit_compile=JIT, metrics=["accuracy"])
    logs = [set(model.fit(X, labels, batch_size=6, verbose=0).history) for labels in (None, LABELS, None)]
    assert logs == [{"loss", "match_accuracy"}, {"loss", "match_accuracy", "accuracy"}, {"loss", "match_accuracy"}]


def test_weights_count_the_pairs():
    model = matcher()
    losses = -np.log(np.where(LABELS == 1, *(p := np.asarray(model(X)["match"])[:, 0], 1 - p)))
    history = fit(model, X, LABELS, sample_weight=np.array([1.0, 0, 0, 0, 0, 0]))
    assert history["loss"][0] == pytest.approx(losses[0] / 6, rel=1e-4)


@pytest.mark.once
def test_it_comes_back_from_its_file_and_goes_on(tmp_path):
    model = matcher("cross_attention")
    fit(model, X)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, Matcher)
    assert loaded.tokenizer == TOKENIZER
    np.testing.assert_array_equal(np.asarray(loaded(X)["match"]), np.asarray(model(X)["match"]))
    assert int(loaded.optimizer.iterations) == 1
    for ours, theirs in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs), err_msg=ours.path)
    for each in (model, loaded):  # one more step, with the negatives that come next
        each.fit(X, batch_size=6, shuffle=False, verbose=0)
    for ours, theirs in zip(loaded.variables, model.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs), err_msg=ours.path)
    loaded.fit(X, LABELS, batch_size=6, verbose=0)


def test_half_precision_trains():
    keras.config.set_dtype_policy("mixed_float16")
    model = matcher("cross_attention")
    assert np.isfinite(fit(model, X)["loss"]).all()
    assert np.isfinite(fit(model, X, LABELS)["loss"]).all()
    assert model.match(X["images"], CAPTIONS).dtype == np.float32


def test_it_exports_as_one_part():
    model = matcher()
    (part,) = model.export_parts().values()
    assert [(spec.name, spec.shape, spec.dtype) for spec in part.inputs] == [
        ("images", (None, 8, 8, 3), "uint8"),
        ("token_ids", (None, 10), "int32"),
    ]
    outputs = part.model(X)
    np.testing.assert_allclose(np.asarray(outputs["match"]), model.predict(X, verbose=0), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: matcher("blend"), "fusion must be one of concat"),
        (lambda: matcher(embed_dim=0), "embed_dim must be at least 1, received 0"),
        (lambda: Matcher(Trunk(*encoders(), missing_modalities=True)), "without missing_modalities"),
        (lambda: fit(matcher(), X, np.array([0, 1, 2] * 2)), "labels must be from 0 to 1, received 0 to 2"),
        (lambda: fit(matcher(), X, compiled={"loss": "mse"}), "must go with labels"),
        (
            lambda: matcher().match(X["images"], ["a red circle"]),
            "texts must be 6 strings, one for each picture, received 1",
        ),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
