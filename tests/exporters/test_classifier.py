import json

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from mmzoo import Tokenizer, build_clip
from mmzoo.exporters.classifier import bake_classifier, export_classifier
from mmzoo.exporters.parts import call
from mmzoo.metrics import classification_evaluation, label_embeddings

LABELS = ["seven", "red circle", "blue square"]
TEMPLATES = ["a photo of a {}.", "a {}"]
PICTURES = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3)).astype("uint8")


def small_clip(loss="softmax"):
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 32, 3), name="images")
    x = keras.layers.Conv2D(16, 5, strides=4, activation="relu")(keras.layers.Rescaling(1 / 127.5, -1)(image))
    image_encoder = keras.Model(
        {"images": image}, {"sequence": keras.layers.Reshape((49, 16))(x), "pooled": keras.layers.Flatten()(x)}
    )
    token_ids = keras.Input((12,), dtype="int32", name="token_ids")
    y = keras.layers.Embedding(300, 16, embeddings_initializer="orthogonal")(token_ids)
    text_encoder = keras.Model(
        {"token_ids": token_ids},
        {"sequence": y, "pooled": keras.layers.GlobalMaxPooling1D()(y), "mask": token_ids > 0},
    )
    tokenizer = Tokenizer.train([*LABELS, *TEMPLATES], 300)
    return build_clip(
        image_encoder=image_encoder, text_encoder=text_encoder, embed_dim=8, loss=loss, tokenizer=tokenizer
    )


@pytest.fixture(scope="module")
def clip():
    return small_clip()


def probabilities(classifier, images=PICTURES):
    (part,) = classifier.export_parts().values()
    return keras.ops.convert_to_numpy(call(part.model, {"images": images})["probabilities"])


def cosines(model):
    return model.encode_image(PICTURES) @ label_embeddings(model.encode_text, LABELS, TEMPLATES).T


def test_a_phone_needs_the_file_and_labels_json_alone(clip, tmp_path):
    truth = cosines(clip).argmax(1)
    assert len(set(truth)) > 1
    manifest = export_classifier(
        clip, LABELS, TEMPLATES, tmp_path / "phone", ["tflite"], raw=False, metrics={"top1": 0.5, "top1_chance": 1 / 3}
    )
    assert not (tmp_path / "phone/tokenizer.json").exists()
    (artifact,) = manifest.artifacts
    assert artifact.max_abs_diff < 1e-4
    known = json.loads((tmp_path / "phone/labels.json").read_text(encoding="utf-8"))
    assert known == {"labels": LABELS, "templates": TEMPLATES, "activation": "softmax"}
    assert json.loads((tmp_path / "phone/preprocessing.json").read_text())["size"] == [32, 32]
    run = Interpreter(str(tmp_path / "phone" / artifact.path)).get_signature_runner("classifier")
    found = run(images=PICTURES)["probabilities"]
    assert [known["labels"][i] for i in found.argmax(1)] == [LABELS[i] for i in truth]


def test_probabilities_are_the_softmax_of_the_scaled_cosines(clip):
    logits = cosines(clip) / 0.07
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities(bake_classifier(clip, LABELS, TEMPLATES)), expected, atol=1e-5)


def test_a_scale_replaces_the_model_s_own(clip):
    expected = np.exp(2 * cosines(clip))
    found = probabilities(bake_classifier(clip, LABELS, TEMPLATES, scale=2))
    np.testing.assert_allclose(found, expected / expected.sum(1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize(("scale", "factor"), [(None, 10), (3, 3)])
def test_with_the_sigmoid_loss_each_label_has_a_probability_of_its_own(scale, factor):
    model = small_clip(loss="sigmoid")
    classifier = bake_classifier(model, LABELS, TEMPLATES, scale=scale)
    expected = 1 / (1 + np.exp(10 - factor * cosines(model)))
    np.testing.assert_allclose(probabilities(classifier), expected, rtol=1e-4)
    assert classifier.activation == "sigmoid"


def test_it_declares_the_image_tower_s_input_and_takes_pictures_in_files(clip):
    part = bake_classifier(clip, LABELS, TEMPLATES).export_parts()["classifier"]
    image = clip.export_parts()["image"]
    assert (part.inputs, part.raw) == (image.inputs, image.raw)
    assert part.inputs[0].dtype == "uint8"


def test_baking_leaves_the_model_as_it_was(clip):
    before = clip.encode_image(PICTURES)
    bake_classifier(clip, LABELS, TEMPLATES)
    np.testing.assert_array_equal(clip.encode_image(PICTURES), before)
    assert set(clip.export_parts()) == {"image", "text"}


def test_accuracy_of_a_classifier_is_measured_on_its_probabilities(clip):
    classifier = bake_classifier(clip, LABELS, TEMPLATES)
    truth = cosines(clip).argmax(1)
    truth[:3] = (truth[:3] + 1) % 3
    evaluation = classification_evaluation(PICTURES, truth)
    assert evaluation.score({"probabilities": probabilities(classifier)}) == {"top1": 0.75}


@pytest.mark.parametrize(
    ("labels", "templates", "message"),
    [
        (["a", "b", "a"], TEMPLATES, "labels must be given once each, received a again"),
        ([], TEMPLATES, "labels must hold at least one, received none"),
        (LABELS, [], "templates must hold at least one, received none"),
        (LABELS, ["a photo"], "templates must have {} where the label goes, received 'a photo'"),
        (
            ["red", "red" * 40 + "x", "red" * 40 + "y"],
            ["{}"],
            "must differ for the model, received 'redred.*one embedding",
        ),
    ],
)
def test_labels_that_make_no_classifier_are_errors(clip, labels, templates, message):
    with pytest.raises(ValueError, match=message):
        bake_classifier(clip, labels, templates)


@pytest.mark.parametrize("scale", [0, -1.0, float("inf"), float("nan")])
def test_a_scale_must_be_above_0(clip, scale):
    with pytest.raises(ValueError, match="scale must be above 0, received"):
        bake_classifier(clip, LABELS, TEMPLATES, scale=scale)


def test_a_model_without_tokenizer_cannot_embed_labels(clip, monkeypatch):
    monkeypatch.setattr(clip, "tokenizer", None)
    with pytest.raises(ValueError, match="texts must be token ids where the model has no tokenizer"):
        bake_classifier(clip, LABELS, TEMPLATES)


def test_another_model_is_told_what_it_lacks(small, two_towers):
    with pytest.raises(TypeError, match="received none of export_parts, encode_text, logit_scale"):
        bake_classifier(small, LABELS, TEMPLATES)
    with pytest.raises(TypeError, match="received none of encode_text, logit_scale"):
        bake_classifier(two_towers, LABELS, TEMPLATES)
