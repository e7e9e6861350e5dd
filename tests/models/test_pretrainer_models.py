"""What is made of a pretrainer: the same numbers, on copies."""

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_bert, build_vit
from mmzoo.models import build_clip, build_pretrainer
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.freezing import freeze

CAPTIONS = ("a red circle", "a blue square", "a green star", "a white ring", "a black cross", "a pink dot")
TOKENIZER = Tokenizer.train(CAPTIONS, 300)
X = {
    "images": np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3)).astype("uint8"),
    "token_ids": TOKENIZER(CAPTIONS, 10),
}
SIZES = {"width": 8, "depth": 1, "num_heads": 2}


def vit(**options):
    return build_vit(image_size=8, patch_size=4, **SIZES, **options)


def bert():
    return build_bert(vocab_size=TOKENIZER.vocab_size, context_length=10, pad_id=TOKENIZER.pad_id, **SIZES)


def trained(*objectives, image_encoder=None, text_encoder=None, **options):
    """After one step, so that nothing is where it started."""
    options = {"tokenizer": TOKENIZER, "embed_dim": 4, "width": 8} | options
    model = build_pretrainer(image_encoder or vit(), text_encoder or bert(), objectives or None, **options)
    return fitted(model, X)


def fitted(model, x, y=None):
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    model.fit(x, y, batch_size=6, verbose=0, shuffle=False)
    return model


def snapshot(model):
    return [np.asarray(variable).copy() for variable in model.variables]


def assert_same(weights, others):
    for ours, theirs in zip(weights, others, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs), err_msg=getattr(ours, "path", ""))


def encoder_weights(encoder):
    """By layer and name, a mask token left out."""
    found = {f"{layer.name}/{index}": w for layer in encoder.layers for index, w in enumerate(layer.get_weights())}
    patches = encoder.layers[[layer.name for layer in encoder.layers].index("patch_embedding")]
    found = {name: w for name, w in found.items() if not name.startswith("patch_embedding/")}
    return found | {
        w.path.split("patch_embedding/")[-1]: np.asarray(w) for w in patches.weights if w.name != "mask_token"
    }


def test_a_clip_of_it_has_its_weights_and_gives_its_embeddings():
    model = trained()
    clip = model.to_clip()
    ours, theirs = encoder_weights(clip.image_encoder), encoder_weights(model.image_encoder)
    assert set(ours) == set(theirs)
    assert "patch_mask" not in clip.input
    for name, weight in ours.items():
        np.testing.assert_array_equal(weight, theirs[name], err_msg=name)
    assert_same(clip.text_encoder.weights, model.text_encoder.weights)
    assert_same(clip.logit_scale.weights, model.contrast.logit_scale.weights)
    assert (clip.tokenizer, clip.image_preprocessing) == (model.tokenizer, model.image_preprocessing)
    outputs, expected = clip(X), model(X)
    for name in ("image_embeds", "text_embeds"):
        np.testing.assert_allclose(np.asarray(outputs[name]), np.asarray(expected[name]), atol=1e-6)


def test_a_matcher_of_it_says_what_it_said():
    model = trained("itc", "itm")
    matcher = model.to_matcher()
    assert_same(matcher.trunk.weights, model.trunk.weights)
    assert_same(matcher.contrast.weights, model.contrast.weights)
    expected = 1 / (1 + np.exp(-np.asarray(model(X)["match_logits"])[:, :1]))
    np.testing.assert_allclose(np.asarray(matcher(X)["match"]), expected, atol=1e-6)


@pytest.mark.parametrize("fusion", [None, "concat"])
def test_a_classifier_of_it_fuses_as_it_did(fusion):
    model = trained("itm", "mlm")
    classifier = model.to_classifier(num_classes=3, labels=("x", "y", "z"), fusion=fusion)
    assert_same(classifier.trunk.text_encoder.weights, model.text_encoder.weights)
    assert_same(classifier.trunk.text_absent.weights, model.trunk.text_absent.weights)
    if fusion is None:
        pooled = np.asarray(classifier.trunk(X)["pooled"])
        np.testing.assert_allclose(pooled, np.asarray(model.trunk(X)["pooled"]), atol=1e-6)
    assert classifier.tokenizer == TOKENIZER
    assert tuple(classifier(X).shape) == (6, 3)


def test_a_width_that_the_kept_fusion_would_not_have_is_refused():
    with pytest.raises(ValueError, match="width must go with another fusion, received 64 with the one of width 8 kept"):
        trained("itm").to_classifier(3, width=64)


def test_fine_tuning_the_copy_leaves_the_pretrainer_as_it_is():
    model = trained("itc", "itm")
    before = snapshot(model)
    fitted(model.to_clip(), X)
    fitted(model.to_matcher(), X)
    fitted(model.to_classifier(num_classes=2), X, np.array([0, 1] * 3))
    assert_same(snapshot(model), before)


def test_locks_are_copied():
    model = build_pretrainer(vit(), bert(), ("itc",), embed_dim=4)
    freeze(model.image_encoder)
    clip = model.to_clip()
    assert not clip.image_encoder.trainable_variables
    assert clip.text_encoder.trainable_variables


@pytest.mark.parametrize("objectives", [(), ("itc",)])
def test_half_precision_and_its_loss_scaling_are_copied(objectives, tmp_path):
    """Also where the session that loads it has another policy: of all that is made, each layer has the one it would have had."""

    def make(model):
        classifier = model.to_classifier(num_classes=2, fusion="co_attention", missing_modalities=True)
        return model.to_clip(), model.to_matcher(), classifier

    def policies(model):
        wrappers = (keras.Model, keras.layers.InputLayer)
        layers = [layer for layer in model._flatten_layers() if not isinstance(layer, wrappers)]
        return [(type(layer).__name__, layer.dtype_policy.name) for layer in layers]

    keras.config.set_dtype_policy("mixed_float16")
    model = build_pretrainer(vit(), bert(), objectives or None, embed_dim=4, width=8, tokenizer=TOKENIZER)
    model.save(tmp_path / "model.keras")
    expected = make(model)
    keras.config.set_dtype_policy("float32")
    for ours, theirs in zip(make(keras.saving.load_model(tmp_path / "model.keras")), expected, strict=True):
        assert policies(ours) == policies(theirs)
        ours.compile("adam")
        assert isinstance(ours.optimizer, keras.optimizers.LossScaleOptimizer), ours.name


def test_each_modality_then_both_then_a_task():
    """The documents' drawing: pre-train each modality alone, align the two, fine-tune."""
    words = fitted(build_pretrainer(text_encoder=bert(), tokenizer=TOKENIZER), {"token_ids": X["token_ids"]})
    pictures = fitted(build_pretrainer(vit()), {"images": X["images"]})
    aligned = build_pretrainer(
        pictures.image_encoder, words.text_encoder, ("itc", "itm"), tokenizer=TOKENIZER, embed_dim=4
    )
    assert aligned.image_encoder is pictures.image_encoder
    assert aligned.text_encoder is words.text_encoder
    fitted(aligned, X)
    classifier = aligned.to_classifier(num_classes=2)
    assert_same(classifier.trunk.text_encoder.weights, words.text_encoder.weights)
    before = snapshot(classifier.trunk.fusion)
    fitted(classifier, X, np.array([0, 1] * 3))
    assert any((a != b).any() for a, b in zip(before, snapshot(classifier.trunk.fusion), strict=True))


def test_it_starts_from_a_clip_s_encoders():
    clip = build_clip(image_encoder=vit(), text_encoder=bert(), embed_dim=4, tokenizer=TOKENIZER)
    model = build_pretrainer(clip.image_encoder, clip.text_encoder, tokenizer=TOKENIZER, embed_dim=4)
    ours, theirs = encoder_weights(model.image_encoder), encoder_weights(clip.image_encoder)
    for name, weight in theirs.items():
        np.testing.assert_array_equal(ours[name], weight, err_msg=name)
    assert "patch_mask" in model.image_encoder.input
    assert model.text_encoder is clip.text_encoder


@pytest.mark.once
@pytest.mark.parametrize("reads_texts", [False, True])
def test_a_captioner_reads_with_copies(reads_texts):
    model = trained("itm")
    made = model.to_captioner(reads_texts=reads_texts, decoder="gru", context_length=12, width=8)
    assert made.tokenizer is model.tokenizer
    assert made.image_preprocessing == model.image_preprocessing
    of = model.trunk if reads_texts else model.image_encoder
    assert_same(made.reader.get_weights(), of.get_weights())
    assert made.reader is not of
    before = snapshot(model)
    x = {"images": X["images"], "token_ids": TOKENIZER(CAPTIONS, 12)}
    if reads_texts:
        x |= {"token_ids": X["token_ids"], "decoder_token_ids": TOKENIZER(CAPTIONS, 12)}
    fitted(made, x)
    assert_same(before, model.variables)


def test_a_captioner_needs_what_it_reads():
    texts = build_pretrainer(None, bert(), ("mlm",), tokenizer=TOKENIZER)
    with pytest.raises(ValueError, match="needs a pretrainer with an image encoder, received one of text alone"):
        texts.to_captioner()
    pictures = build_pretrainer(vit(), None, ("mim",))
    with pytest.raises(ValueError, match="needs a pretrainer with both encoders, received one of pictures alone"):
        pictures.to_captioner(reads_texts=True, tokenizer=TOKENIZER)
    with pytest.raises(ValueError, match="to_captioner must be given a tokenizer where the pretrainer has none"):
        pictures.to_captioner()
