"""Momentum model and queue, against ALBEF's formulas in NumPy."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from mmzoo.encoders import build_text_transformer, build_vit
from mmzoo.models import build_pretrainer

MOMENTUM, ALPHA = 0.75, 0.3


def pretrainer(*objectives, **options):
    vit = build_vit(image_size=8, patch_size=4, width=8, depth=1, num_heads=2)
    text = build_text_transformer(vocab_size=40, context_length=6, width=8, depth=1, num_heads=2, end_id=3)
    options = {"embed_dim": 4, "momentum": MOMENTUM, "distillation": ALPHA, "width": 8, "fusion": "concat"} | options
    model = build_pretrainer(vit, text, objectives or ("itc",), mask_id=2, **options)
    model.compile(keras.optimizers.SGD(0.5), run_eagerly=True)
    return model


def batch(seed, count=4):
    rng = np.random.default_rng(seed)
    token_ids = rng.integers(4, 40, (count, 6)).astype("int32")
    token_ids[:, -1] = 3
    return {"images": rng.integers(0, 256, (count, 8, 8, 3)).astype("uint8"), "token_ids": token_ids}


def step(model, data):
    return model.train_on_batch(data, return_dict=True)


def embeds(model, data):
    return [np.asarray(model(data)[name], "float64") for name in ("image_embeds", "text_embeds")]


def weights(model):
    return [np.asarray(weight) for layer in model.averaged_layers() for weight in layer.weights]


def test_the_average_is_a_copy_after_one_step_and_mixed_after_two():
    model = pretrainer()
    first = weights(model)
    step(model, batch(0))
    second = weights(model)
    assert any((a != b).any() for a, b in zip(first, second, strict=True))
    for average, weight in zip(model.teacher.averages, first, strict=True):
        np.testing.assert_array_equal(np.asarray(average), weight)
    step(model, batch(1))
    for average, one, two in zip(model.teacher.averages, first, second, strict=True):
        np.testing.assert_allclose(np.asarray(average), MOMENTUM * one + (1 - MOMENTUM) * two, atol=1e-7)


def test_the_queue_holds_what_the_average_made_of_both_batches():
    model = pretrainer(queue_size=7)
    one, two = batch(0), batch(1)
    first = weights(model)
    old = embeds(model, one)
    step(model, one)
    second = weights(model)
    step(model, two)
    averages = [MOMENTUM * a + (1 - MOMENTUM) * b for a, b in zip(first, second, strict=True)]
    held = [weight for layer in model.averaged_layers() for weight in layer.weights]
    for weight, value in zip(held, averages, strict=True):
        weight.assign(value)
    new = embeds(model, two)
    for kept, newest, oldest in zip((model.queue.image_embeds, model.queue.text_embeds), new, old, strict=True):
        np.testing.assert_allclose(np.asarray(kept), np.concatenate([newest, oldest])[:7], atol=1e-6)


@pytest.mark.parametrize("queue_size", [0, 6])
def test_the_loss_is_albef_s(queue_size):
    """Eq. 1, 2 and 6 of arXiv:2107.07651, its code's form: cross-entropy with mixed targets, over the batch and the queue."""
    model = pretrainer(queue_size=queue_size)
    one, two = batch(0), batch(1)
    two["token_ids"][2] = two["token_ids"][0]  # repeated in the batch
    two["token_ids"][3] = one["token_ids"][1]  # and of the batch before
    first, old = weights(model), embeds(model, one)
    step(model, one)
    ours, scale = embeds(model, two), float(np.exp(np.asarray(model.contrast.logit_scale.log_scale)))
    second = weights(model)
    taught = pretrainer(queue_size=queue_size)
    for weight, a, b in zip(
        [weight for layer in taught.averaged_layers() for weight in layer.weights], first, second, strict=True
    ):
        weight.assign(MOMENTUM * a + (1 - MOMENTUM) * b)
    teacher = embeds(taught, two)
    captions = list(map(tuple, [*two["token_ids"], *one["token_ids"]]))
    right = np.array([[a == b for b in captions] for a in captions[:4]])[:, : 8 if queue_size else 4].astype(float)
    targets, losses = right / right.sum(1, keepdims=True), []
    for side in (0, 1):
        others = np.concatenate([teacher[1 - side], old[1 - side]]) if queue_size else teacher[1 - side]
        soft = ALPHA * softmax(scale * teacher[side] @ others.T, axis=1) + (1 - ALPHA) * targets
        losses.append(-(soft * log_softmax(scale * ours[side] @ others.T, axis=1)).sum(1).mean())
    assert step(model, two)["itc_loss"] == pytest.approx(sum(losses) / 2, rel=1e-4)


@pytest.mark.once
def test_hidden_tokens_are_taught_too():
    model = pretrainer("mlm")
    keras.utils.set_random_seed(0)
    outputs = model(batch(0), training=True)
    # The first average is a copy, and nothing is dropped: teacher and pupil say the same.
    np.testing.assert_allclose(
        np.asarray(outputs["teacher_token_logits"]), np.asarray(outputs["token_logits"]), atol=1e-5
    )
    logits, counted = np.asarray(outputs["token_logits"], "float64"), np.asarray(outputs["tokens_counted"])
    guess = log_softmax(logits, axis=-1)
    right = np.take_along_axis(guess, np.asarray(outputs["tokens"])[..., None], axis=-1)[..., 0]
    expected = -(ALPHA * (np.exp(guess) * guess).sum(-1) + (1 - ALPHA) * right)[counted].mean()
    loss = float(model.compute_loss(batch(0), None, outputs))
    assert loss == pytest.approx(expected, rel=1e-5)


def test_without_training_nothing_moves():
    model = pretrainer(queue_size=4)
    before = [np.asarray(variable).copy() for variable in (*model.teacher.weights, *model.queue.weights)]
    model.evaluate(batch(0), verbose=0)
    model(batch(0))
    after = [np.asarray(variable) for variable in (*model.teacher.weights, *model.queue.weights)]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a strategy is TensorFlow's")
def test_several_replicas_are_refused(monkeypatch):
    model = pretrainer(queue_size=4)
    monkeypatch.setattr("mmzoo.models.pretrainer.model.replica_share", lambda loss: loss / 2)
    with pytest.raises(ValueError, match="momentum must be None on several replicas"):
        step(model, batch(0))
