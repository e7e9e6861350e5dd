"""Several heads on one trunk: what each learns from the labels there are, and from nothing else."""

import keras
import numpy as np
import pytest
from sklearn.metrics import log_loss

from mmzoo.encoders import build_recurrent_text, build_vit
from mmzoo.losses import CrossEntropy
from mmzoo.models import MultiTask, Task, build_classifier, build_multitask
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.freezing import freeze, frozen_layers

RNG = np.random.default_rng(0)
X = {
    "images": RNG.integers(0, 256, (8, 8, 8, 3)).astype("uint8"),
    "token_ids": RNG.integers(1, 10, (8, 5)).astype("int32"),
}
TASKS = {
    "mood": Task(2, labels=("bad", "good"), weight=2.0),
    "tags": Task(3, head="sigmoid", hidden=0),
    "side": Task(2, head="hinge"),
    "size": Task(1, head="regression", weight=0.5),
}
NAN = float("nan")
Y = {
    "mood": np.array([0, 1, -1, 1, -1, 0, 0, 1]),
    "tags": np.array([[1, 0, 1], [NAN, 0, 1], [0, 0, 0], [1, 1, 1], [-1, -1, -1], [0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    "side": np.array([1, 0, 0, 1, 1, -1, 0, 1]),
    "size": np.array([0.5, -1.0, NAN, 2.0, 0.0, 1.0, NAN, -2.0], "float32"),
}
TENSORFLOW = keras.backend.backend() == "tensorflow"


def encoders():
    return (
        build_vit(image_size=8, patch_size=4, width=8, depth=1, num_heads=2),
        build_recurrent_text(vocab_size=10, context_length=5, width=4),
    )


def multitask(tasks=TASKS, **options):
    return build_multitask(*encoders(), tasks=tasks, **options)


def evaluated(model, y, **options):
    model.compile("sgd", run_eagerly=TENSORFLOW)
    return model.evaluate(X, y, verbose=0, return_dict=True, batch_size=8, **options)


def test_each_loss_is_the_mean_over_the_examples_with_a_label():
    model = multitask()
    answers = model.predict(X, verbose=0)
    logs = evaluated(model, Y)
    mood, tags, side, size = (Y[name] for name in TASKS)
    known = mood >= 0
    assert logs["mood_loss"] == pytest.approx(log_loss(mood[known], answers["mood"][known]), rel=1e-4)
    assert logs["mood_accuracy"] == pytest.approx((answers["mood"].argmax(1) == mood)[known].mean())
    known = (tags >= 0).all(1)  # one of an example's labels is missing, or all
    p, t = answers["tags"][known], tags[known]
    assert logs["tags_loss"] == pytest.approx(-(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(), rel=1e-5)
    assert logs["tags_accuracy"] == pytest.approx(((p > 0.5) == t).mean())
    known = side >= 0
    lead = answers["side"][known, side[known]] - answers["side"][known, 1 - side[known]]
    assert logs["side_loss"] == pytest.approx(np.maximum(0, 1 - lead).mean(), rel=1e-5)
    known = ~np.isnan(size)
    assert logs["size_loss"] == pytest.approx(np.square(answers["size"][known, 0] - size[known]).mean(), rel=1e-5)
    assert "size_accuracy" not in logs
    total = 2 * logs["mood_loss"] + logs["tags_loss"] + logs["side_loss"] + 0.5 * logs["size_loss"]
    assert logs["loss"] == pytest.approx(total, rel=1e-5)


def test_over_several_batches_the_logs_are_of_the_labelled_examples():
    model = multitask({"mood": TASKS["mood"]})
    model.compile("sgd")
    mood = np.array([0, -1, -1, -1, 0, 1, 1, 0])  # one label in the first batch, four in the second
    known = mood >= 0
    answers = model.predict(X, verbose=0)["mood"][known]
    logs = model.evaluate(X, {"mood": mood}, batch_size=4, verbose=0, return_dict=True)
    assert logs["mood_loss"] == pytest.approx(-np.log(answers[np.arange(5), mood[known]]).mean(), rel=1e-5)
    assert logs["mood_accuracy"] == pytest.approx((answers.argmax(1) == mood[known]).mean())


@pytest.mark.parametrize("kept", ["mood", "size"])
def test_a_task_without_any_label_adds_nothing(kept):
    model = multitask()
    alone = evaluated(model, {kept: Y[kept]})
    nothing = {name: np.full_like(y, NAN if y.dtype.kind == "f" else -1) for name, y in Y.items()}
    assert evaluated(model, nothing | {kept: Y[kept]}) == pytest.approx(alone)
    assert alone["loss"] == pytest.approx(TASKS[kept].weight * alone[f"{kept}_loss"])
    other = "size" if kept == "mood" else "mood"
    assert alone[f"{other}_loss"] == 0
    assert np.isfinite(list(alone.values())).all()


def test_fit_trains_the_heads_that_have_labels_and_no_others():
    model = multitask()
    model.compile(keras.optimizers.SGD(0.1))
    before = {name: head.get_weights() for name, head in model.answer_heads.items()}
    labels = {name: y for name, y in Y.items() if name != "side"}
    nowhere = labels | {"tags": np.full((8, 3), NAN)}
    history = model.fit([X["token_ids"], X["images"]], nowhere, batch_size=4, epochs=2, verbose=0)
    changed = {
        name: any((old != new).any() for old, new in zip(before[name], head.get_weights(), strict=True))
        for name, head in model.answer_heads.items()
    }
    assert changed == {"mood": True, "tags": False, "side": False, "size": True}
    losses, accuracies = {f"{name}_loss" for name in TASKS}, {f"{name}_accuracy" for name in ("mood", "tags", "side")}
    assert set(history.history) == {"loss"} | losses | accuracies
    assert np.isfinite([values[-1] for values in history.history.values()]).all()


def test_weights_of_examples_multiply_their_losses():
    model = multitask({"mood": Task(2), "size": Task(1, head="regression")})
    y = {"mood": Y["mood"], "size": np.arange(8, dtype="float32")}
    weights = np.linspace(0, 2, 8, dtype="float32")
    answers = model.predict(X, verbose=0)
    known = y["mood"] >= 0
    each = -np.log(answers["mood"][known][np.arange(6), y["mood"][known]])
    mood, size = (weights[known] * each).mean(), (weights * np.square(answers["size"][:, 0] - y["size"])).mean()
    assert evaluated(model, y, sample_weight=weights)["loss"] == pytest.approx(mood + size, rel=1e-5)
    apart = {"mood": weights, "size": np.ones(8, "float32")}
    assert evaluated(model, y, sample_weight=apart)["size_loss"] == pytest.approx(
        np.square(answers["size"][:, 0] - y["size"]).mean(), rel=1e-5
    )


def test_keras_may_have_the_losses_and_metrics():
    model = multitask({"mood": Task(2), "size": Task(1, head="regression")})
    y = {"mood": np.arange(8) % 2, "size": np.arange(8, dtype="float32")}
    ours = evaluated(model, y)
    losses = {"mood": CrossEntropy(from_probabilities=True), "size": "mse"}
    metrics = {"mood": ["accuracy"], "size": ["mae"]}
    model.compile("sgd", loss=losses, loss_weights={"mood": 3.0, "size": 1.0}, metrics=metrics, run_eagerly=TENSORFLOW)
    theirs = model.evaluate(X, y, batch_size=8, verbose=0, return_dict=True)
    assert theirs["mood_loss"] == pytest.approx(ours["mood_loss"], rel=1e-5)
    assert theirs["mood_accuracy"] == pytest.approx(ours["mood_accuracy"])
    assert theirs["loss"] == pytest.approx(3 * ours["mood_loss"] + ours["size_loss"], rel=1e-5)
    assert "size_mae" in theirs
    assert evaluated(model, y)["loss"] == pytest.approx(ours["loss"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"mood": Y["mood"] + 1}, "labels of mood must be from 0 to 1, or -1 where there is none, received 0 to 2"),
        ({"tags": Y["tags"] * 2}, "labels of tags must be from 0 to 1, or -1 where there is none, received -2 to 2"),
        ({"side": Y["side"] * 0.5}, "labels of side must be from 0 to 1, .* received -0.5 to 0.5"),
        ({"moods": Y["mood"]}, "targets must be of the tasks mood, tags, side, size, received moods"),
        ({}, "targets must be a dictionary with labels for mood, tags, side, size, received dict"),
    ],
)
def test_labels_that_cannot_be_are_named_with_their_task(labels, message):
    model = multitask()
    model.compile("sgd")
    with pytest.raises(ValueError, match=message):
        model.fit(X, labels, verbose=0)


@pytest.mark.skipif(not TENSORFLOW, reason="tf.data is TensorFlow's")
def test_labels_that_cannot_be_in_a_dataset_stop_the_training():
    import tensorflow as tf

    model = multitask()
    model.compile("sgd", run_eagerly=True)
    labels = {"mood": Y["mood"].copy(), "size": Y["size"]}
    labels["mood"][-1] = 2
    with pytest.raises(ValueError, match=r"labels of mood must be from 0 to 1, .* received 0 to 2"):
        model.fit(tf.data.Dataset.from_tensor_slices((X, labels)).batch(4), verbose=0)


def test_one_array_of_targets_is_refused():
    model = multitask()
    model.compile("sgd", run_eagerly=TENSORFLOW)
    with pytest.raises(ValueError, match="must be a dictionary with labels for mood, tags, side, size, received"):
        model.train_on_batch(X, Y["mood"])


@pytest.mark.once
def test_it_comes_back_with_its_tasks_and_its_optimizer(tmp_path):
    model = multitask(fusion="add", missing_modalities=True)
    freeze(model.trunk.image_encoder)
    model.compile(keras.optimizers.Adam(1e-3), run_eagerly=TENSORFLOW)
    model.fit(X, Y, batch_size=8, verbose=0)
    model.save(tmp_path / "tasks.keras")
    loaded = keras.saving.load_model(tmp_path / "tasks.keras")
    assert isinstance(loaded, MultiTask)
    assert dict(loaded.tasks) == TASKS
    assert frozen_layers(loaded) == frozen_layers(model)
    assert int(loaded.optimizer.iterations) == 1
    expected = model.predict(X, verbose=0)
    for name, answers in loaded.predict(X, verbose=0).items():
        np.testing.assert_array_equal(answers, expected[name])


def test_heads_of_one_trunk_share_its_weights():
    classifier = build_classifier(*encoders(), "late", num_classes=3)
    model = build_multitask(tasks={"mood": Task(2), "size": Task(1, head="regression")}, trunk=classifier.trunk)
    assert model.trunk is classifier.trunk
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=TENSORFLOW)
    before = classifier.predict(X, verbose=0)
    model.train_on_batch(X, {"mood": np.arange(8) % 2})
    assert np.abs(classifier.predict(X, verbose=0) - before).max() > 0


def test_answers_are_named_by_task():
    tokenizer = Tokenizer.train(["how is it"], 300)
    words = build_recurrent_text(vocab_size=tokenizer.vocab_size, context_length=6, width=4, pad_id=tokenizer.pad_id)
    model = build_multitask(encoders()[0], words, tasks=TASKS, tokenizer=tokenizer)
    questions = ["how is it"] * 2
    answers = model.classify(X["images"][:2], questions)
    assert set(answers) == {"mood", "tags", "side"}
    moods = model.predict(model.inputs_of(X["images"][:2], questions), verbose=0)["mood"].argmax(1)
    assert answers["mood"] == [("bad", "good")[mood] for mood in moods]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: multitask({}), r"tasks must be a dictionary of at least one Task, received \{\}"),
        (lambda: multitask({"mood": 2}), "must be a dictionary of Task and CaptionTask, received 2 for 'mood'"),
        (
            lambda: multitask({"my mood": Task(2)}),
            "must be an identifier other than images, token_ids, trunk, received 'my",
        ),
        (lambda: multitask({"images": Task(2)}), "must be an identifier other than images, token_ids, trunk"),
        (lambda: Task(2, weight=-1.0), "weight must be at least 0, received -1.0"),
        (lambda: Task(1), "num_classes must be at least 2 for softmax, received 1"),
        (lambda: Task(2, labels=("a",)), r"labels must be 2 names, received \('a',\)"),
        (lambda: build_multitask(encoders()[0], tasks=TASKS), "image_encoder and text_encoder, or a trunk"),
        (
            lambda: build_multitask(*encoders(), tasks=TASKS, trunk=multitask().trunk),
            "trunk must be given without image_encoder",
        ),
        (lambda: multitask(fusion="sum"), "fusion must be one of concat, .* received 'sum'"),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
