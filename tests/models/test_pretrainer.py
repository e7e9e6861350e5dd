"""Pre-training without labels: what each objective costs by hand, that it is learned, and that it is kept."""

import math

import keras
import numpy as np
import pytest

from mmzoo.data import Pairs
from mmzoo.encoders import build_bert, build_convnet, build_recurrent_text, build_text_transformer, build_vit
from mmzoo.fusion import CrossAttentionFusion
from mmzoo.models import Pretrainer, build_pretrainer
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.checkpoint import Checkpoint
from mmzoo.training.freezing import freeze

JIT = keras.backend.backend() == "jax"  # TensorFlow takes longer to compile such a step than to run it
CAPTIONS = ("a red circle", "a blue square", "a green star", "a white ring", "a black cross", "a pink dot")
TOKENIZER = Tokenizer.train(CAPTIONS, 300)
VOCABULARY, LENGTH = TOKENIZER.vocab_size, 10


def vit(**options):
    return build_vit(image_size=8, patch_size=4, width=8, depth=1, num_heads=2, **options)


def bert():
    return build_bert(
        vocab_size=VOCABULARY, context_length=LENGTH, width=8, depth=1, num_heads=2, pad_id=TOKENIZER.pad_id
    )


def pretrainer(*objectives, image=True, text=True, **options):
    options = {"embed_dim": 4, "width": 8, "tokenizer": TOKENIZER if text else None} | options
    return build_pretrainer(vit() if image else None, bert() if text else None, objectives or None, **options)


def batch(count=6, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3)).astype("uint8")
    return {"images": images, "token_ids": TOKENIZER(CAPTIONS[:count], LENGTH)}


def fit(model, data=None, rate=1e-2, **options):
    """Without a graph: tracing one takes longer than these steps."""
    model.compile(keras.optimizers.Adam(rate), run_eagerly=True)
    options = {"batch_size": 6, "epochs": 1, "shuffle": False, "verbose": 0} | options
    return model.fit(batch() if data is None else data, **options).history


def evaluate(model, data=None):
    return model.evaluate(batch() if data is None else data, batch_size=6, verbose=0, return_dict=True)


LOGS = {
    "itc": {"itc_loss"},
    "itm": {"itm_loss", "itm_accuracy"},
    "mlm": {"mlm_loss", "mlm_accuracy"},
    "mim": {"mim_loss"},
}


def test_a_model_that_knows_nothing_costs_what_a_guess_does():
    model = pretrainer(weights={"mlm": 0.5, "mim": 2.0})
    model.compile("sgd", run_eagerly=True)
    model.contrast.logit_scale.log_scale.assign(-30.0)
    for part in (model.match_head, model.pixel_head, model.token_head.norm):
        part.set_weights([np.zeros_like(weight) for weight in part.get_weights()])
    logs = evaluate(model)
    assert logs["itc_loss"] == pytest.approx(math.log(6), abs=1e-5)
    assert logs["itm_loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert logs["itm_accuracy"] == pytest.approx(2 / 3)  # a logit of 0 says no: right for the two wrong pairs of three
    assert logs["mlm_loss"] == pytest.approx(math.log(VOCABULARY), abs=1e-5)
    # A patch has 48 numbers of variance 1, with 47 in the denominator: their mean square is 47 / 48.
    assert logs["mim_loss"] == pytest.approx(47 / 48, abs=1e-5)
    expected = math.log(6) + math.log(2) + 0.5 * math.log(VOCABULARY) + 2 * 47 / 48
    assert logs["loss"] == pytest.approx(expected, abs=1e-4)


def test_every_objective_is_learned_and_logged_alike_in_training_and_validation():
    model = pretrainer(fusion="concat")
    assert model.objectives == ("itc", "itm", "mlm", "mim")
    model.compile(keras.optimizers.Adam(3e-3), jit_compile=JIT)
    model.optimizer.build(model.trainable_variables)  # within the first step it would have that traced twice
    untrained = model.evaluate(batch(), batch_size=6, verbose=0, return_dict=True)
    validation = {"validation_data": (batch(), None), "validation_freq": 100}
    history = model.fit(batch(), batch_size=6, epochs=300, verbose=0, **validation).history
    names = {"loss"}.union(*LOGS.values())
    assert set(history) == names | {f"val_{name}" for name in names}
    # One pair of three is right: who knows no more than that has an itm_loss of 0.637, above nine tenths of the untrained one.
    for name, factor in {"itc_loss": 0.5, "itm_loss": 0.9, "mlm_loss": 0.5, "mim_loss": 0.9}.items():
        assert np.mean(history[name][-5:]) < factor * untrained[name], name
        assert history[f"val_{name}"][-1] < factor * untrained[name], name
    # Nothing is drawn for the contrast: what validation gives, the next step of training finds.
    assert history["val_itc_loss"][:2] == pytest.approx([history["itc_loss"][100], history["itc_loss"][200]], abs=1e-4)


# Warnings are errors: Keras warns of a trainable weight that no gradient reaches.
@pytest.mark.parametrize(
    ("objectives", "options"),
    [
        (("itc",), {}),
        (("itm",), {"fusion": "concat"}),
        (("mlm",), {"fusion": "gated"}),
        (("mlm",), {"fusion": "co_attention"}),
        (("mim", "mlm"), {"fusion": CrossAttentionFusion(8, direction="both", depth=1)}),
        (("mlm",), {"image": False}),
        (("mim",), {"text": False}),
    ],
)
def test_any_objectives_train_every_part(objectives, options):
    model = pretrainer(*objectives, **options)
    history = fit(model)
    assert set(history) == {"loss"}.union(*(LOGS[name] for name in objectives))
    assert np.isfinite(list(history.values())).all()


def test_one_encoder_alone_takes_its_own_input():
    words, pictures = pretrainer(image=False), pretrainer(text=False)
    assert (words.objectives, pictures.objectives) == (("mlm",), ("mim",))
    assert np.isfinite(fit(words, {"token_ids": batch()["token_ids"]})["mlm_loss"]).all()
    assert np.isfinite(fit(pictures, {"images": batch()["images"]})["mim_loss"]).all()
    assert set(words(batch())) == {"token_logits", "tokens", "tokens_counted", "unread"}
    assert words.context_length == LENGTH
    assert pictures.image_size == (8, 8)


def test_the_picture_helps_to_guess_the_word():
    model = pretrainer("mlm")
    x = batch()
    logits = np.asarray(model(x)["token_logits"])
    other = np.asarray(model(x | {"images": 255 - x["images"]})["token_logits"])
    assert np.abs(logits - other).max() > 1e-4


def test_evaluation_is_the_same_each_time_and_training_is_not():
    model = pretrainer()
    model.compile("sgd", run_eagerly=True)
    first, second = evaluate(model), evaluate(model)
    assert first == second
    drawn = [np.asarray(model(batch(), training=True)["patch_mask"]) for _ in range(2)]
    assert (drawn[0] != drawn[1]).any()


def test_captions_that_repeat_are_positives_and_no_negatives():
    data = batch()
    data["token_ids"][:] = data["token_ids"][0]
    model = pretrainer("itc", "itm")
    model.compile("sgd", run_eagerly=True)
    outputs = model(data)
    np.testing.assert_array_equal(np.asarray(outputs["match_counted"]), [[True, False, False]] * 6)
    # All captions are alike: a picture cannot tell them apart, which costs it log 6.
    similar = np.asarray(model.contrast.logits(outputs["image_embeds"], outputs["text_embeds"]))
    rows = np.log(np.exp(similar - similar.max(0)).sum(0)) - (similar - similar.max(0)).mean(0)
    assert evaluate(model, data)["itc_loss"] == pytest.approx(0.5 * (math.log(6) + rows.mean()), abs=1e-4)
    # Of three decisions a row only the pair's own counts.
    own = np.log1p(np.exp(-np.asarray(outputs["match_logits"])[:, 0])).mean()
    assert evaluate(model, data)["itm_loss"] == pytest.approx(own, abs=1e-5)


def test_one_fusion_reads_the_pairs_and_what_was_drawn():
    model = pretrainer("itc", "itm")
    x = batch()
    outputs = model(x)
    logits = model.contrast.logits(outputs["image_embeds"], outputs["text_embeds"])
    drawn = model.negatives(logits, np.eye(6, dtype=bool), training=False)
    images, texts = (np.asarray(drawn[name]) for name in ("images", "texts"))
    scored = [
        np.asarray(model.match_head(model.trunk({"images": pictures, "token_ids": words})["pooled"]))[:, 0]
        for pictures, words in (
            (x["images"], x["token_ids"]),
            (x["images"][images], x["token_ids"]),
            (x["images"], x["token_ids"][texts]),
        )
    ]
    np.testing.assert_allclose(np.asarray(outputs["match_logits"]), np.stack(scored, 1), atol=1e-5)


def test_pairs_feed_it():
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), "uint8")
    pairs = Pairs(images, tuple((caption,) for caption in CAPTIONS))
    model = pretrainer("itc", "itm")
    assert np.isfinite(fit(model, pairs.arrays(model))["loss"]).all()
    if keras.backend.backend() == "tensorflow":
        assert np.isfinite(fit(model, pairs.dataset(model, 6), batch_size=None)["loss"]).all()


@pytest.mark.once
def test_foreign_encoders_learn_what_they_can():
    lstm = build_recurrent_text(vocab_size=VOCABULARY, context_length=LENGTH, width=4, pad_id=TOKENIZER.pad_id)
    model = build_pretrainer(build_convnet(image_size=8, widths=(4,)), lstm, tokenizer=TOKENIZER, width=8, embed_dim=4)
    assert model.objectives == ("itc", "itm", "mlm")
    assert model.token_head.tied
    assert np.isfinite(fit(model)["loss"]).all()


def test_without_a_tokenizer_the_ids_are_given():
    model = build_pretrainer(None, bert(), mask_id=2, special_ids=(1, 3))
    assert model.token_masking.special_ids == (TOKENIZER.pad_id, 1, 2, 3)
    assert build_pretrainer(vit(), bert()).objectives == ("itc", "itm", "mim")


def test_no_hidden_token_becomes_the_end_of_a_text_that_ends_at_its_highest_id():
    text = build_text_transformer(vocab_size=12, context_length=LENGTH, width=8, depth=1, num_heads=2)
    assert build_pretrainer(None, text, mask_id=2).token_masking.special_ids == (2, 11)
    with pytest.raises(
        ValueError, match="mask_id must be below the end token, which is the highest id of a text, received 11"
    ):
        build_pretrainer(None, text, mask_id=11)


def test_frozen_parts_stay(tmp_path):
    model = pretrainer("itc", "mim")
    freeze(model.image_encoder)
    before = model.image_encoder.get_weights()
    fit(model)
    for ours, theirs in zip(model.image_encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.trainable_variables) == len(model.trainable_variables) > 0
    assert not loaded.image_encoder.trainable_variables


@pytest.mark.once
@pytest.mark.parametrize(
    "options",
    [{"momentum": 0.9, "queue_size": 8, "weights": {"itm": 2}}, {"image": False}, {"text": False}],
)
def test_it_comes_back_from_its_file_and_goes_on(options, tmp_path):
    model = pretrainer(**options)
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, Pretrainer)
    assert loaded.tokenizer == model.tokenizer
    assert loaded.image_preprocessing == model.image_preprocessing
    assert evaluate(loaded) == evaluate(model)
    for ours, theirs in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs), err_msg=ours.path)
    assert int(loaded.optimizer.iterations) == 1
    for ours, theirs in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs), err_msg=ours.path)
    for each in (model, loaded):  # one more step, with the masks and negatives that come next
        each.fit(batch(), batch_size=6, shuffle=False, verbose=0)
    for ours, theirs in zip(loaded.variables, model.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs), err_msg=ours.path)


def test_a_run_that_was_interrupted_goes_on_to_the_same_numbers(tmp_path):
    def train(epochs, *callbacks):
        keras.utils.set_random_seed(0)
        model = pretrainer(fusion="concat", momentum=0.9, queue_size=8)
        return model, fit(model, epochs=epochs, callbacks=list(callbacks))

    whole, losses = train(3)
    train(1, Checkpoint(tmp_path))
    resumed, resumed_losses = train(3, Checkpoint(tmp_path))
    for name, values in losses.items():
        assert resumed_losses[name] == pytest.approx(values, rel=1e-6), name
    for ours, theirs in zip(resumed.variables, whole.variables, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=1e-6, err_msg=ours.path)


def test_half_precision_trains():
    keras.config.set_dtype_policy("mixed_float16")
    model = pretrainer(momentum=0.9, queue_size=8)
    history = fit(model)
    assert np.isfinite(list(history.values())).all()
    outputs = model(batch())
    assert all(
        keras.backend.standardize_dtype(outputs[name].dtype) == "float32"
        for name in ("image_embeds", "match_logits", "token_logits", "pixels")
    )


def test_predict_gives_what_a_call_gives():
    model = pretrainer("itc", "itm", fusion="concat")
    model.compile("sgd", run_eagerly=True)
    predicted, called = model.predict(batch(), batch_size=6, verbose=0), model(batch())
    assert set(predicted) == set(called)
    for name, values in predicted.items():
        np.testing.assert_allclose(np.asarray(called[name]), values, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build_pretrainer(), "image_encoder, text_encoder or both, received neither"),
        (lambda: pretrainer("itc", "vqa"), "must be of itc, itm, mlm, mim, received 'vqa'"),
        (lambda: pretrainer("itc", "itc"), "each once"),
        (lambda: pretrainer("itc", image=False), "'itc' needs both encoders, received a text encoder alone"),
        (
            lambda: build_pretrainer(vit(), None, ("mlm",)),
            "'mlm' needs a text encoder, received an image encoder alone",
        ),
        (lambda: build_pretrainer(vit(), bert(), ("mlm",)), "a tokenizer with a mask token, or mask_id="),
        (lambda: build_pretrainer(None, bert()), "a ViT, or a text encoder with a mask token"),
        (
            lambda: build_pretrainer(build_convnet(image_size=8, widths=(4,)), None, ("mim",)),
            "image_encoder must be a ViT to hide patches, received 'image_encoder'",
        ),
        (lambda: pretrainer("itc", weights={"mlm": 1.0}), "of the objectives itc, received mlm"),
        (lambda: pretrainer("itc", weights={"itc": 0}), "above 0 and finite, received 0 for 'itc'"),
        (lambda: pretrainer("mim", momentum=0.9), "must go with objective 'itc' or 'mlm', received mim"),
        (lambda: pretrainer("itc", queue_size=8), "queue_size must go with momentum"),
        (lambda: pretrainer("itc", momentum=0.9, distillation=2.0), "distillation must be from 0 to 1, received 2.0"),
        (lambda: pretrainer("mlm", fusion=CrossAttentionFusion(8, direction="image")), "the text's positions"),
        (lambda: pretrainer("mlm", mask_rate=0.0), "mask_rate must be above 0"),
        (lambda: pretrainer("itc")({"images": batch()["images"]}), "received none of token_ids"),
        (lambda: fit(pretrainer("itc"), list(batch().values())), "must be dictionaries .* received a list"),
        (lambda: pretrainer("itc").export_parts(), "to_clip, to_classifier, to_matcher or to_captioner"),
        (lambda: pretrainer(image=False).to_clip(), "both encoders, received one of text alone"),
    ],
)
def test_bad_arguments_get_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("compiled", "fitted", "message"),
    [
        ({"loss": "mse"}, {"y": np.zeros(6)}, r"build_pretrainer\(objectives="),
        ({"metrics": ["accuracy"]}, {}, "metrics must be chosen in build_pretrainer"),
        ({"loss": "mse", "weighted_metrics": ["accuracy"]}, {}, "loss and metrics must be chosen in build_pretrainer"),
        ({}, {"y": np.zeros(6), "sample_weight": np.ones(6)}, "sample_weight must be None"),
    ],
)
def test_what_would_be_ignored_is_refused(compiled, fitted, message):
    model = pretrainer("itc")
    model.compile("sgd", run_eagerly=True, **compiled)
    with pytest.raises(ValueError, match=message):
        model.fit(batch(), batch_size=6, verbose=0, **fitted)


def test_what_was_refused_is_forgotten_by_the_next_compile():
    model = pretrainer("itc")
    model.compile("sgd", "mse", metrics=["accuracy"], run_eagerly=True)
    with pytest.raises(ValueError, match="loss and metrics must be chosen"):
        model.fit(batch(), batch_size=6, verbose=0)
    assert np.isfinite(fit(model)["itc_loss"]).all()
