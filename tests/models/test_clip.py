"""What a Keras user expects of a CLIP: compile, fit, save, load, encode."""

import subprocess
import sys
import warnings
from dataclasses import replace

import keras
import numpy as np
import pytest

from mmzoo.data import Augment, Pairs
from mmzoo.encoders import build_convnet, build_text_transformer
from mmzoo.models import CLIP, build_clip
from mmzoo.presets import CLIP_PRESETS, ClipPreset, ImagePreprocessing, TextSizes, ViTSizes
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.checkpoint import Checkpoint

SMALL = ClipPreset(8, ViTSizes(8, 4, 16, 1, 2, "gelu_tanh"), TextSizes(40, 6, 16, 1, 2, "gelu_tanh"))


def random_batch(count=8, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "images": rng.integers(0, 256, (count, 8, 8, 3)).astype("uint8"),
        "token_ids": rng.integers(0, 40, (count, 6)).astype("int32"),
    }


# Worked out from the papers' tables: arXiv:2103.00020, table 19, with OpenAI's vocabulary of 49,408.
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="counted once")
@pytest.mark.parametrize(
    ("preset", "parameters"), [("vit_b_32", 151_277_313), ("vit_b_16", 149_620_737), ("vit_l_14", 427_616_513)]
)
def test_published_parameter_counts(preset, parameters):
    sizes = CLIP_PRESETS[preset]
    one_block_each = replace(sizes, image=replace(sizes.image, depth=1), text=replace(sizes.text, depth=1))
    # Blocks are alike, so one of each is built and the rest are counted: the big models need not fit in the test's memory.
    model = build_clip(one_block_each)
    image_block = model.image_encoder.get_layer("block_0").count_params()
    text_block = model.text_encoder.get_layer("block_0").count_params()
    rest = (sizes.image.depth - 1) * image_block + (sizes.text.depth - 1) * text_block
    assert model.count_params() + rest == parameters


@pytest.mark.parametrize("preset", ["tiny", "small"])
def test_small_presets_give_unit_embeddings(preset):
    model = build_clip(preset)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, *model.image_size, 3))
    token_ids = rng.integers(0, 1000, (3, model.context_length)).astype("int32")
    outputs = model({"images": images, "token_ids": token_ids})
    for name, embeds in outputs.items():
        assert tuple(embeds.shape) == (3, model.embed_dim), name
        np.testing.assert_allclose(np.linalg.norm(np.asarray(embeds), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("loss", ["softmax", "sigmoid"])
def test_fit_learns_to_tell_a_batch_apart(loss):
    model = build_clip(SMALL, loss=loss)
    model.compile(keras.optimizers.Adam(3e-3))
    data = random_batch()
    history = model.fit(data, batch_size=8, epochs=40, verbose=0, validation_data=(data, None))
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    assert history.history["val_loss"][-1] < 0.5 * history.history["loss"][0]
    similarity = model.similarity(data["images"], data["token_ids"])
    assert (similarity.argmax(axis=1) == np.arange(8)).mean() >= 0.75


def test_sigmoid_starts_at_scale_ten_and_bias_minus_ten():
    model = build_clip(SMALL, loss="sigmoid")
    assert float(keras.ops.exp(model.logit_scale.log_scale)) == pytest.approx(10, rel=1e-6)
    assert float(model.logit_scale.bias) == -10


def test_repeated_captions_are_positives():
    model = build_clip(SMALL)
    model.compile("sgd")
    data = random_batch(4)
    data["token_ids"][:] = data["token_ids"][0]
    # Every picture belongs to every caption. A picture cannot tell the captions apart: log 4. A caption's target is even.
    outputs = model(data)
    logits = np.asarray(outputs["image_embeds"]) @ np.asarray(outputs["text_embeds"]).T / 0.07
    columns = -(logits - np.log(np.exp(logits).sum(axis=0))).mean()
    assert model.evaluate(data, batch_size=4, verbose=0) == pytest.approx((np.log(4) + columns) / 2, rel=1e-5)


def test_scale_stays_at_most_one_hundred():
    model = build_clip(SMALL)
    model.compile(keras.optimizers.SGD(50.0))
    model.logit_scale.log_scale.assign(np.log(99.0))
    model.fit(random_batch(), batch_size=8, epochs=5, verbose=0)
    assert float(keras.ops.exp(model.logit_scale.log_scale)) <= 100.001


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "adamw"},
        {"optimizer": keras.optimizers.Lion(1e-4), "jit_compile": True},
        {"optimizer": "adam", "steps_per_execution": 2},
    ],
)
def test_compile_takes_what_keras_takes(options):
    model = build_clip(SMALL)
    if isinstance(options["optimizer"], keras.optimizers.Optimizer):
        options = options | {"optimizer": keras.optimizers.Lion(1e-4)}
    model.compile(**options)
    history = model.fit(random_batch(), batch_size=4, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_gradient_accumulation_steps_once_in_two_batches():
    model = build_clip(SMALL)
    model.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    before = np.asarray(model.logit_scale.log_scale).copy()
    model.train_on_batch(random_batch(4))
    assert np.asarray(model.logit_scale.log_scale) == before
    model.train_on_batch(random_batch(4, seed=1))
    assert np.asarray(model.logit_scale.log_scale) != before


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_and_comes_back(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    model = build_clip(SMALL)
    model.compile("adam")
    history = model.fit(random_batch(), batch_size=4, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    embeds = model.encode_image(random_batch()["images"])
    assert embeds.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeds, axis=1), 1, atol=1e-5)
    model.save(tmp_path / "half.keras")
    keras.config.set_dtype_policy("float32")
    loaded = keras.saving.load_model(tmp_path / "half.keras")
    np.testing.assert_array_equal(loaded.encode_image(random_batch()["images"]), embeds)


def test_saved_model_goes_on_in_a_fresh_process(tmp_path):
    tokenizer = Tokenizer.train(["a red circle", "a blue square"], 300)
    image_encoder = build_convnet(image_size=8, widths=(4,))
    text_encoder = build_text_transformer(
        vocab_size=tokenizer.vocab_size,
        context_length=6,
        width=8,
        depth=1,
        num_heads=2,
        end_id=tokenizer.end_id,
        dropout=0.1,
    )
    preprocessing = ImagePreprocessing((8, 8), "bilinear", "squash")
    model = build_clip(
        image_encoder=image_encoder,
        text_encoder=text_encoder,
        embed_dim=4,
        tokenizer=tokenizer,
        image_preprocessing=preprocessing,
    )
    model.compile(keras.optimizers.Adam(1e-2))
    data = random_batch()
    model.fit(data, batch_size=4, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "expected.npz", images=data["images"], image_embeds=model.encode_image(data["images"]))
    np.savez(tmp_path / "text.npz", text_embeds=model.encode_text(["a red circle", "a blue square"]))
    code = """
import sys
if "jax" in sys.argv: sys.modules["tensorflow"] = None
import numpy as np, mmzoo
model = mmzoo.load("model.keras")
expected = np.load("expected.npz")
assert np.array_equal(model.encode_image(expected["images"]), expected["image_embeds"])
assert np.allclose(model.encode_text(["a red circle", "a blue square"]), np.load("text.npz")["text_embeds"], atol=1e-6)
assert int(model.optimizer.iterations) == 4 and model.image_preprocessing.fit == "squash"
assert any(abs(np.asarray(v)).max() > 0 for v in model.optimizer.variables[2:])
token_ids = np.zeros((8, 6), "int32")
model.fit({"images": expected["images"], "token_ids": token_ids}, batch_size=4, verbose=0)
assert int(model.optimizer.iterations) == 6
"""
    command = [sys.executable, "-c", code, keras.backend.backend()]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)


def test_a_config_rebuilds_the_same_architecture():
    model = build_clip(SMALL, loss="sigmoid")
    again = CLIP.from_config(model.get_config())
    shapes = [tuple(weight.shape) for weight in model.weights]
    assert [tuple(weight.shape) for weight in again.weights] == shapes
    assert again.loss_name == "sigmoid"


def test_pictures_in_unit_range_draw_one_warning():
    data = random_batch()
    data["images"] = data["images"] / 255.0
    model = build_clip(SMALL)
    model.compile("sgd")
    with pytest.warns(UserWarning, match=r"\[0, 255\]") as caught:
        model.fit(data, batch_size=4, epochs=2, verbose=0)
    assert [warning.category for warning in caught].count(UserWarning) == 1
    with pytest.warns(UserWarning, match=r"\[0, 255\]"):
        model.encode_image(data["images"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(random_batch(), batch_size=4, verbose=0)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data is TensorFlow's")
def test_fit_resumes_with_the_batches_the_killed_run_would_have_seen(tmp_path):
    captions = [f"a picture number {index}" for index in range(24)]
    tokenizer = Tokenizer.train(captions, 300)
    preset = replace(SMALL, text=replace(SMALL.text, vocab_size=tokenizer.vocab_size))
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3), "uint8")
    pairs = Pairs(images, tuple((caption, caption.upper()) for caption in captions), augment=Augment(flip=True))

    def train(epochs, *callbacks):
        keras.utils.set_random_seed(0)
        model = build_clip(preset, tokenizer=tokenizer)
        model.compile(keras.optimizers.Adam(1e-2))
        dataset = pairs.dataset(model, 8)
        return model, model.fit(dataset, epochs=epochs, verbose=0, callbacks=list(callbacks)).history["loss"]

    whole, losses = train(4)
    train(2, Checkpoint(tmp_path))
    resumed, resumed_losses = train(4, Checkpoint(tmp_path))
    assert resumed_losses == pytest.approx(losses, rel=1e-6)
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_tokenizer_that_does_not_fit_the_text_encoder_is_refused():
    tokenizer = Tokenizer.train(["a circle"], 300)
    sizes = {"context_length": 6, "width": 8, "depth": 1, "num_heads": 2}
    with pytest.raises(ValueError, match=rf"vocab_size={tokenizer.vocab_size} for this tokenizer, received 40"):
        build_clip(SMALL, text_encoder=build_text_transformer(vocab_size=40, **sizes), tokenizer=tokenizer)
    with pytest.raises(ValueError, match="end_id=3 for this tokenizer, received None"):
        build_clip(SMALL, text_encoder=build_text_transformer(vocab_size=400, **sizes), tokenizer=tokenizer)


@pytest.mark.parametrize(
    ("compiled", "fitted", "message"),
    [
        ({"loss": "mse"}, {}, r"build_clip\(loss="),
        ({}, {"sample_weight": np.ones(8)}, "sample_weight and class_weight must be None"),
        ({}, {"x": list(random_batch().values())}, "must be given dictionaries"),
    ],
)
def test_what_would_be_ignored_is_refused(compiled, fitted, message):
    model = build_clip(SMALL)
    model.compile("sgd", **compiled)
    with pytest.raises(ValueError, match=message):
        model.fit(**{"x": random_batch(), "batch_size": 4, "verbose": 0} | fitted)


def test_callbacks_may_be_given_by_position():
    model = build_clip(SMALL)
    model.compile("sgd")
    seen = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    model.fit(random_batch(), None, 4, 2, 0, [callback])
    assert seen == [0, 1]


def test_encoding_nothing_gives_nothing():
    model = build_clip(SMALL)
    assert model.encode_image(np.zeros((0, 8, 8, 3))).shape == (0, 8)
    assert model.encode_text(np.zeros((0, 6), "int32")).shape == (0, 8)


def test_export_parts_declare_what_an_artifact_takes():
    parts = build_clip(SMALL).export_parts()
    image, text = parts["image"].inputs[0], parts["text"].inputs[0]
    assert (image.name, image.shape, image.dtype, image.range) == ("images", (None, 8, 8, 3), "uint8", (0, 255))
    assert (text.name, text.shape, text.dtype, text.range) == ("token_ids", (None, 6), "int32", (0, 39))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build_clip("huge"), "preset must be one of tiny, small, .* received 'huge'"),
        (lambda: build_clip(), "a preset name, or both"),
        (lambda: build_clip(SMALL, loss="hinge"), "softmax, sigmoid"),
        (lambda: build_clip(SMALL, embed_dim=0), "at least 1"),
        (
            lambda: build_clip(SMALL, image_preprocessing=ImagePreprocessing((9, 9))),
            r"size \(8, 8\), received \(9, 9\)",
        ),
        (lambda: build_clip(SMALL, image_encoder=build_text_transformer(depth=0)), "one input named images"),
        (lambda: build_clip(SMALL).encode_image(np.zeros((2, 9, 9, 3))), r"\(N, 8, 8, 3\), received \(2, 9, 9, 3\)"),
        (lambda: build_clip(SMALL).encode_image(np.zeros((8, 8, 3))), r"\(N, 8, 8, 3\)"),
        (lambda: build_clip(SMALL).encode_text(["a circle"]), "no tokenizer"),
        (lambda: build_clip(SMALL).encode_text(np.zeros((2, 9), "int32")), r"\(N, 6\)"),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
