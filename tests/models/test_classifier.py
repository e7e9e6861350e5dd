"""What a Keras user expects of a classifier: compile, fit on lists, weights, metrics, and what comes of odd data."""

import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from sklearn.metrics import hinge_loss, log_loss, mean_squared_error

from mmzoo.data import Examples
from mmzoo.encoders import build_application, build_convnet, build_recurrent_text, build_text_transformer, build_vit
from mmzoo.fusion import CrossAttentionFusion
from mmzoo.models import Classifier, build_classifier, build_vqa
from mmzoo.presets import ImagePreprocessing
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.checkpoint import Checkpoint
from mmzoo.training.freezing import freeze, frozen_layers, unfreeze

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (8, 8, 8, 3)).astype("uint8")
TEXTS = RNG.integers(1, 10, (8, 5)).astype("int32")
X = {"images": IMAGES, "token_ids": TEXTS}
CLASSES = np.array([0, 1, 2, 1, 0, 2, 2, 1])
TENSORFLOW = keras.backend.backend() == "tensorflow"


def vit():
    return build_vit(image_size=8, patch_size=4, width=8, depth=1, num_heads=2)


def text(**options):
    sizes = {"vocab_size": 10, "context_length": 5, "width": 8, "depth": 1, "num_heads": 2, "causal": False}
    return build_text_transformer(**sizes | {"pooling": "mean", "mask_rule": "pad_id", "pad_id": 0} | options)


def classifier(fusion="concat", num_classes=3, **options):
    return build_classifier(vit(), text(), fusion, num_classes=num_classes, **options)


def loss_of(model, targets, **options):
    outputs = model(X, training=False)
    return float(model.compute_loss(X, keras.ops.convert_to_tensor(targets), outputs, **options)), np.asarray(outputs)


def test_the_documents_example_is_one_line():
    pictures, words = build_convnet(image_size=8, widths=(4,)), build_recurrent_text(vocab_size=10, context_length=5)
    model = build_classifier(pictures, words, "concat", num_classes=3)
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit([TEXTS, IMAGES], CLASSES, epochs=30, batch_size=8, verbose=0)
    assert history.history["loss"][-1] < 0.9 * history.history["loss"][0]
    assert set(history.history) == {"loss", "accuracy"}


@pytest.mark.skipif(not TENSORFLOW, reason="Keras's MobileNetV3 asks for TensorFlow on JAX")
def test_it_takes_a_network_of_keras_applications():
    encoder = build_application("mobilenet_v3_small", image_size=32)
    model = build_classifier(encoder, text(), "concat", num_classes=3)
    model.compile("sgd", run_eagerly=TENSORFLOW)
    images = RNG.integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    assert np.isfinite(model.train_on_batch([TEXTS[:2], images], CLASSES[:2]))


def test_a_list_is_text_then_image_wherever_inputs_go():
    model = classifier()
    model.compile(keras.optimizers.SGD(0.0), metrics=["accuracy"])
    expected = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict([TEXTS, IMAGES], verbose=0), expected)
    np.testing.assert_allclose(np.asarray(model([TEXTS, IMAGES])), expected, atol=1e-6)
    loss, accuracy = model.evaluate([TEXTS, IMAGES], CLASSES, verbose=0)
    assert loss == pytest.approx(log_loss(CLASSES, expected), rel=1e-5)
    assert accuracy == pytest.approx((expected.argmax(1) == CLASSES).mean())
    history = model.fit([TEXTS, IMAGES], CLASSES, verbose=0, validation_data=([TEXTS, IMAGES], CLASSES))
    assert [*history.history["loss"], *history.history["val_loss"]] == pytest.approx([loss, loss], rel=1e-5)


@pytest.mark.parametrize(
    ("head", "targets", "reference"),
    [
        ("softmax", CLASSES, log_loss),
        ("softmax", CLASSES[:, None], lambda y, p: log_loss(y[:, 0], p)),
        ("softmax", np.eye(3, dtype="float32")[CLASSES], lambda y, p: log_loss(CLASSES, p)),
        ("softmax", np.tile(np.float32([0.2, 0.3, 0.5]), (8, 1)), lambda y, p: -(np.log(p) @ [0.2, 0.3, 0.5]).mean()),
        (
            "sigmoid",
            np.eye(3, dtype="float32")[CLASSES],
            lambda y, p: np.mean([log_loss(y[:, i], p[:, i], labels=[0, 1]) for i in range(3)]),
        ),
        ("hinge", CLASSES, lambda y, scores: hinge_loss(y, scores, labels=[0, 1, 2])),
        ("regression", RNG.normal(size=(8, 3)).astype("float32"), mean_squared_error),
    ],
)
def test_a_heads_loss_is_that_of_scikit_learn(head, targets, reference):
    loss, outputs = loss_of(classifier(head=head), targets)
    assert loss == pytest.approx(reference(targets, outputs), rel=1e-5)


@pytest.mark.parametrize("head", ["hinge", "regression"])
def test_one_number_an_example_takes_flat_targets(head):
    model = classifier(num_classes=1, head=head)
    targets = (CLASSES > 0).astype("int32") if head == "hinge" else np.linspace(-1, 1, 8, dtype="float32")
    loss, outputs = loss_of(model, targets)
    # scikit-learn's hinge of two classes wants twice our margin: its score is compared with -1 and 1, ours is a difference of two.
    expected = hinge_loss(targets, outputs) if head == "hinge" else mean_squared_error(targets, outputs[:, 0])
    assert loss == pytest.approx(expected, rel=1e-5)


def test_label_smoothing_is_that_of_keras():
    loss, outputs = loss_of(classifier(label_smoothing=0.2), CLASSES)
    expected = keras.losses.CategoricalCrossentropy(label_smoothing=0.2)(np.eye(3)[CLASSES], outputs)
    assert loss == pytest.approx(float(expected), rel=1e-5)


def test_weights_of_examples_and_classes_are_kerass():
    weights = np.array([0.5, 2.0, 1.0])[CLASSES].astype("float32")
    loss, outputs = loss_of(classifier(), CLASSES, sample_weight=keras.ops.convert_to_tensor(weights))
    assert loss == pytest.approx((weights * -np.log(outputs[np.arange(8), CLASSES])).mean(), rel=1e-5)
    changed = []
    for given in ({"sample_weight": weights}, {"class_weight": {0: 0.5, 1: 2.0, 2: 1.0}}):
        keras.utils.set_random_seed(0)
        model = classifier()
        model.compile(keras.optimizers.SGD(0.1), run_eagerly=TENSORFLOW)
        model.train_on_batch(X, CLASSES, **given)
        changed.append(model.get_weights())
    for ours, theirs in zip(*changed, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_second_compile_without_loss_goes_back_to_the_heads():
    model = classifier()
    model.compile("sgd", loss=lambda y, p: keras.ops.zeros(8), run_eagerly=TENSORFLOW)
    assert model.test_on_batch(X, CLASSES) == 0
    model.compile("sgd", run_eagerly=TENSORFLOW)
    assert model.test_on_batch(X, CLASSES) == pytest.approx(loss_of(model, CLASSES)[0], rel=1e-5)


def test_one_hinge_score_is_counted_right_about_zero():
    model = classifier(num_classes=1, head="hinge", labels=("no", "yes"))
    scores = model.predict(X, verbose=0)[:, 0]
    assert model.task.named(scores[:, None]) == [("no", "yes")[int(score > 0)] for score in scores]


def test_late_fusion_mixes_the_two_answers():
    model = classifier("late", head="regression", hidden=0)
    head, fused = model.answer_head, model.trunk(X, training=False)["pooled"]
    each = [np.asarray(dense(fused[:, index])) for index, dense in enumerate(head.output_dense)]
    head.mix.assign([np.log(3.0), 0.0])
    np.testing.assert_allclose(np.asarray(model(X)), 0.75 * each[0] + 0.25 * each[1], atol=1e-5)


@pytest.mark.parametrize(
    ("head", "labels", "message"),
    [
        ("softmax", CLASSES + 1, "labels must be from 0 to 2, received 1 to 3"),
        ("softmax", CLASSES[:, None] - 1, "labels must be from 0 to 2, received -1 to 1"),
        ("softmax", CLASSES + 0.5, "labels must be from 0 to 2, received 0.5 to 2.5"),
        ("softmax", CLASSES * 0.5, "labels must be whole numbers, received 0.5"),
        ("softmax", np.eye(3)[CLASSES] * 2, "labels must be from 0 to 1, received 0 to 2"),
        ("sigmoid", np.eye(3)[CLASSES] - 1, "labels must be from 0 to 1, received -1 to 0"),
        ("hinge", CLASSES + 1, "labels must be from 0 to 2, received 1 to 3"),
        ("sigmoid", np.full((8, 3), np.nan), "must be finite, received nan or infinity: a MultiTask"),
        ("regression", np.full((8, 3), np.inf), "must be finite, received nan or infinity"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_labels_out_of_range_are_refused_before_anything_runs(head, labels, message, method):
    model = classifier(head=head)
    model.compile("sgd")
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(X, labels, verbose=0)


@pytest.mark.skipif(not TENSORFLOW, reason="tf.data is TensorFlow's")
@pytest.mark.parametrize("where", ["first batch", "last batch", "last batch, with validation", "validation"])
def test_labels_out_of_range_in_a_dataset_stop_the_training(where):
    import tensorflow as tf

    good, bad = CLASSES, CLASSES.copy()
    bad[0 if where == "first batch" else -1] = 3
    sets = {name: tf.data.Dataset.from_tensor_slices((X, y)).batch(4) for name, y in (("good", good), ("bad", bad))}
    options = {"validation_data": sets["bad" if where == "validation" else "good"]} if "validation" in where else {}
    model = classifier()
    model.compile("sgd", run_eagerly=True)
    with pytest.raises(ValueError, match="labels must be from 0 to 2, received 0 to 3"):
        model.fit(sets["good" if where == "validation" else "bad"], verbose=0, **options)


@pytest.mark.skipif(not TENSORFLOW, reason="tf.data is TensorFlow's")
@pytest.mark.parametrize("head", ["softmax", "sigmoid", "regression"])
def test_a_label_that_is_nan_in_a_dataset_stops_the_training(head):
    import tensorflow as tf

    targets = np.eye(3, dtype="float32")[CLASSES]
    targets[1, 2] = np.nan
    model = classifier(head=head)
    model.compile("sgd", run_eagerly=True)
    with pytest.raises(ValueError, match="must be finite, received nan or infinity"):
        model.fit(tf.data.Dataset.from_tensor_slices((X, targets)).batch(4), verbose=0)


def test_a_class_that_never_occurs_becomes_unlikely():
    model = classifier()
    model.compile(keras.optimizers.Adam(0.05), metrics=["accuracy"], run_eagerly=TENSORFLOW)
    history = model.fit(X, np.zeros(8, int), epochs=5, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert np.asarray(model(X, training=False))[:, 1:].max() < 0.2


def test_an_example_without_picture_or_text_can_be_learned_from():
    model = classifier("gated", missing_modalities=True)
    model.compile("adam", run_eagerly=TENSORFLOW)
    present = {"image_present": np.arange(8) % 2 == 0, "text_present": np.arange(8) % 4 > 0}
    before = [np.asarray(each.vector) for each in (model.trunk.image_absent, model.trunk.text_absent)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X | present, CLASSES, batch_size=8, verbose=0)
        model.fit({"token_ids": TEXTS}, CLASSES, batch_size=8, verbose=0)
    after = [np.asarray(each.vector) for each in (model.trunk.image_absent, model.trunk.text_absent)]
    assert all(np.abs(old - new).max() > 0 for old, new in zip(before, after, strict=True))
    left_out = np.asarray(model({"token_ids": TEXTS}))
    said_so = model.predict(X | {"image_present": np.zeros(8, bool), "text_present": np.ones(8, bool)}, verbose=0)
    np.testing.assert_allclose(left_out, said_so, atol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"token_ids": TEXTS}, r"received token_ids without images \(missing_modalities=True makes a model"),
        ([IMAGES, TEXTS], r"must be \[text, image\] \(token_ids, images\), received the images first"),
        ([TEXTS, IMAGES, IMAGES], r"must be \[text, image\] \(token_ids, images\), received 3"),
        (IMAGES, r"a dictionary with images, token_ids, or a list \[text, image\], received one array"),
    ],
)
def test_inputs_that_are_not_the_models_get_one_sentence(inputs, message):
    with pytest.raises(ValueError, match=message):
        classifier()(inputs)


def test_half_precision_trains_with_finite_gradients(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    model = classifier(CrossAttentionFusion(8, num_heads=2, depth=1))
    model.compile(
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3), initial_scale=1024.0), run_eagerly=TENSORFLOW
    )
    before = model.get_weights()
    model.fit(X, CLASSES, batch_size=8, verbose=0)
    # A step with a gradient that is not finite would have been left out.
    assert int(model.optimizer.inner_optimizer.iterations) == 1
    assert any((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))
    answers = model.predict(X, verbose=0)
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-6)
    model.save(tmp_path / "half.keras")
    keras.config.set_dtype_policy("float32")
    loaded = keras.saving.load_model(tmp_path / "half.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), answers)


def test_a_frozen_encoder_stays_as_it_is_and_comes_back_frozen(tmp_path):
    model = classifier(missing_modalities=True)
    freeze(model.trunk.image_encoder)
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=TENSORFLOW)
    frozen, trained = model.trunk.image_encoder.get_weights(), model.answer_head.get_weights()
    model.fit(X, CLASSES, verbose=0)
    assert all((a == b).all() for a, b in zip(frozen, model.trunk.image_encoder.get_weights(), strict=True))
    assert any((a != b).any() for a, b in zip(trained, model.answer_head.get_weights(), strict=True))
    model.save(tmp_path / "frozen.keras")
    loaded = keras.saving.load_model(tmp_path / "frozen.keras")
    assert frozen_layers(loaded) == frozen_layers(model) == ["trunk/image_encoder"]
    unfreeze(model)
    with pytest.raises(ValueError, match="must be compiled again after freezing or unfreezing"):
        model.fit(X, CLASSES, verbose=0)


def test_a_killed_run_resumes_where_it_was(tmp_path):
    def train(epochs, *callbacks):
        keras.utils.set_random_seed(0)
        model = build_classifier(vit(), text(dropout=0.1), "add", num_classes=3, dropout=0.1)
        model.compile(keras.optimizers.Adam(1e-2), metrics=["accuracy"], run_eagerly=TENSORFLOW)
        options = {"epochs": epochs, "batch_size": 4, "shuffle": False, "verbose": 0, "callbacks": list(callbacks)}
        return model, model.fit([TEXTS, IMAGES], CLASSES, **options).history["loss"]

    whole, losses = train(3)
    train(1, Checkpoint(tmp_path))
    resumed, resumed_losses = train(3, Checkpoint(tmp_path))
    assert resumed_losses == pytest.approx(losses, rel=1e-6)
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.once
def test_saved_model_goes_on_in_a_fresh_process(tmp_path):
    tokenizer = Tokenizer.train(["is it red", "which colour"], 300)
    words = build_recurrent_text(vocab_size=tokenizer.vocab_size, context_length=5, width=4, pad_id=tokenizer.pad_id)
    model = build_vqa(vit(), words, ("yes", "no", "red"), "gated", tokenizer=tokenizer, missing_modalities=True)
    model.compile(keras.optimizers.Adam(1e-2), loss="sparse_categorical_crossentropy", run_eagerly=TENSORFLOW)
    model.fit(X, CLASSES, batch_size=4, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "expected.npz", classes=CLASSES, answers=np.asarray(model(X)), **X)
    code = """
import sys
if "jax" in sys.argv: sys.modules["tensorflow"] = None
import numpy as np, mmzoo
model, data = mmzoo.load("model.keras"), np.load("expected.npz")
x = {name: data[name] for name in ("images", "token_ids")}
assert np.allclose(model(x), data["answers"], atol=1e-6)
assert int(model.optimizer.iterations) == 4 and model.labels == ("yes", "no", "red")
assert any(abs(np.asarray(v)).max() > 0 for v in model.optimizer.variables[2:])
assert len(model.classify(x["images"], ["is it red"] * 8)) == 8 and model.missing_modalities
assert model.train_on_batch(x, data["classes"]) > 0 and int(model.optimizer.iterations) == 5
"""
    command = [sys.executable, "-c", code, keras.backend.backend()]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=240)


def test_a_config_rebuilds_the_same_architecture():
    model = classifier("bilinear", head="sigmoid", hidden=0, label_smoothing=0.1, labels=("a", "b", "c"), name="tags")
    again = Classifier.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert (again.task, again.name) == (model.task, "tags")


def test_pictures_and_questions_are_answered_in_words():
    tokenizer = Tokenizer.train(["is it red", "which colour"], 300)
    words = build_recurrent_text(vocab_size=tokenizer.vocab_size, context_length=8, width=4, pad_id=tokenizer.pad_id)
    model = build_vqa(vit(), words, ("yes", "no", "red"), "add", tokenizer=tokenizer)
    questions = ["is it red", "which colour"]
    inputs = model.inputs_of(IMAGES[:2], questions)
    np.testing.assert_array_equal(inputs["token_ids"], tokenizer(questions, 8))
    expected = [("yes", "no", "red")[index] for index in model.predict(inputs, verbose=0).argmax(1)]
    assert model.classify(IMAGES[:2], questions) == expected
    assert model.classify(IMAGES[:0], []) == []


def test_several_labels_are_those_above_one_half():
    model = classifier(head="sigmoid", labels=("a", "b", "c"))
    assert model.task.named(np.array([[0.9, 0.2, 0.6], [0.1, 0.5, 0.2]])) == [("a", "c"), ()]


@pytest.mark.skipif(not TENSORFLOW, reason="tf.data is TensorFlow's")
def test_examples_of_mmzoo_train_it_from_a_dataset():
    tokenizer = Tokenizer.train(["a good day", "a bad day"], 300)
    words = build_recurrent_text(vocab_size=tokenizer.vocab_size, context_length=8, width=4, pad_id=tokenizer.pad_id)
    model = build_classifier(vit(), words, num_classes=2, tokenizer=tokenizer)
    examples = Examples(IMAGES, ("a good day", "a bad day") * 4, np.array([0, 1] * 4), ("good", "bad"))
    model.compile(keras.optimizers.Adam(0.05), metrics=["accuracy"], run_eagerly=True)
    history = model.fit(examples.dataset(model, 8), epochs=6, verbose=0)
    assert history.history["accuracy"][-1] == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: classifier("sum"),
            "fusion must be one of concat, early_concat, .* co_attention, late, received 'sum'",
        ),
        (lambda: classifier(head="tanh"), "head must be one of softmax, sigmoid, hinge, regression, received 'tanh'"),
        (lambda: classifier(num_classes=1), "num_classes must be at least 2 for softmax, received 1"),
        (lambda: classifier(labels=("a", "b")), r"labels must be 3 names, received \('a', 'b'\)"),
        (lambda: classifier(labels="abc"), "labels must be 3 names, received 'abc'"),
        (lambda: classifier(hidden=-1), "hidden 0, received 3 and -1"),
        (lambda: classifier(label_smoothing=1.0), "at least 0 and below 1, received 1.0"),
        (lambda: classifier(head="hinge", label_smoothing=0.1), "label_smoothing must be 0 for hinge, received 0.1"),
        (
            lambda: classifier(image_preprocessing=ImagePreprocessing((9, 9))),
            r"the encoder's size \(8, 8\), received \(9, 9\)",
        ),
        (lambda: classifier(tokenizer=Tokenizer.train(["a"], 300)), "for this tokenizer, received 10"),
        (
            lambda: classifier().inputs_of(IMAGES[:1], ["a", "b"]),
            "texts must be 1 strings, one for each picture, received 2",
        ),
        (lambda: classifier().inputs_of(IMAGES[:1, :4], ["a"]), r"shape \(N, 8, 8, 3\), received \(1, 4, 8, 3\)"),
        (lambda: classifier().classify(IMAGES[:1], ["a"]), "no tokenizer"),
        (lambda: classifier(head="regression").task.named(np.zeros((1, 3))), "received 'regression': use predict"),
        (lambda: build_vqa(vit(), text(), ["yes"]), r"at least two different strings, received \['yes'\]"),
        (lambda: build_vqa(vit(), text(), ["yes", "no"], head="hinge"), "'softmax' or 'sigmoid' for answers"),
        (lambda: loss_of(classifier(head="regression"), np.zeros(8)), r"targets must have shape \(8, 3\)"),
        (lambda: loss_of(classifier(head="sigmoid"), CLASSES), r"targets must have shape \(8, 3\), received \(8,\)"),
        (lambda: loss_of(classifier(), np.zeros((8, 4))), r"targets must have shape \(8, 3\), received \(8, 4\)"),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_training_without_targets_is_refused():
    model = classifier()
    model.compile("sgd", run_eagerly=TENSORFLOW)
    with pytest.raises(ValueError, match="fit must be given targets"):
        model.fit([TEXTS, IMAGES], verbose=0)


@pytest.mark.parametrize(("head", "targets"), [("sigmoid", np.zeros((8, 3), "float32")), ("softmax", np.ones(8, int))])
def test_what_is_most_wrong_is_corrected(head, targets):
    # At a logit of 100 the probability is 1 in float32: as little can be learned from it as from a right answer.
    model = classifier(head=head)
    bias = model.answer_head.output_dense[0].bias
    bias.assign(np.array([100, 0, 0], "float32"))
    model.compile(keras.optimizers.SGD(1.0))
    loss = model.fit(X, targets, batch_size=8, shuffle=False, verbose=0).history["loss"][0]
    assert loss == pytest.approx(100 / 3 if head == "sigmoid" else 100, rel=0.1)
    assert float(bias[0]) == pytest.approx(100 - (1 / 3 if head == "sigmoid" else 1), abs=1e-3)
    assert model.evaluate(X, targets, batch_size=8, verbose=0) == pytest.approx(loss, rel=0.2)
