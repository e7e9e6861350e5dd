"""Classifiers and models of several tasks as files: tensors, picture files and questions in, answers out."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mmzoo.bundle import Bundle, verify
from mmzoo.encoders import build_recurrent_text, build_vit
from mmzoo.exporters import export
from mmzoo.models import Task, build_classifier, build_matcher, build_multitask
from mmzoo.tokenizer import Tokenizer

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 8, 8, 3)).astype("uint8")
QUESTIONS = ["is it red?", "数字七 ٣", "which colour is it?"]


def vit():
    return build_vit(image_size=8, patch_size=4, width=8, depth=1, num_heads=2)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(["is it red", "which colour is it"], 300)


def words(tokenizer: Tokenizer):
    sizes = {"vocab_size": tokenizer.vocab_size, "context_length": 8, "width": 4, "pad_id": tokenizer.pad_id}
    return build_recurrent_text(**sizes, bidirectional=False)


@pytest.fixture(scope="module")
def classifier(tokenizer):
    # Large enough first weights that answers differ between the samples.
    model = build_classifier(vit(), words(tokenizer), "gated", num_classes=3, labels=("yes", "no", "red"), width=16)
    model.set_weights([3 * weight for weight in model.get_weights()])
    model.tokenizer = tokenizer
    return model


@pytest.fixture(scope="module")
def bundle(classifier, tmp_path_factory) -> Bundle:
    directory = tmp_path_factory.mktemp("bundles") / "answers"
    export(classifier, directory, ("saved_model", "onnx"))
    return Bundle(directory)


def png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def test_picture_files_and_questions_are_answered_as_the_model_does(bundle, classifier):
    given = {"image_bytes": np.array([png(picture) for picture in IMAGES]), "text_strings": np.array(QUESTIONS)}
    actual = bundle.run("classifier_raw", "saved_model", given)["probabilities"]
    expected = classifier.predict(classifier.inputs_of(IMAGES, QUESTIONS), verbose=0)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize("format", ["saved_model", "onnx"])
def test_questions_about_pictures_as_tensors_are_answered_as_the_model_does(bundle, classifier, format):
    given = {"images": IMAGES, "text_strings": np.array(QUESTIONS)}
    actual = bundle.run("classifier_strings", format, given)["probabilities"]
    expected = classifier.predict(classifier.inputs_of(IMAGES, QUESTIONS), verbose=0)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_the_manifest_has_every_form_with_its_proof(bundle):
    written = {(a.part, a.format): (a.path, a.needs) for a in bundle.manifest.artifacts}
    assert written == {
        ("classifier", "saved_model"): ("saved_model/1", ()),
        ("classifier", "onnx"): ("classifier/model.onnx", ()),
        ("classifier_raw", "saved_model"): ("saved_model_raw/1", ()),
        ("classifier_strings", "saved_model"): ("saved_model_raw/1", ()),
        ("classifier_strings", "onnx"): ("classifier/model.strings.onnx", ("onnxruntime-extensions",)),
    }
    assert all(a.max_abs_diff < 1e-4 for a in bundle.manifest.artifacts)
    assert verify(bundle.directory).ok


def test_the_labels_are_beside_the_files_and_on_the_card(bundle):
    labels = json.loads((bundle.directory / "labels.json").read_text(encoding="utf-8"))
    assert labels == {"labels": ["yes", "no", "red"], "activation": "softmax"}
    card = (bundle.directory / "README.md").read_text(encoding="utf-8")
    assert "Columns: 0 yes, 1 no, 2 red" in card
    assert "`classifier_raw` reads pictures inside the graph" in card


def test_the_cards_lines_for_strings_and_tensors_run(bundle):
    card = (bundle.directory / "README.md").read_text(encoding="utf-8")
    (code,) = [part.split("```")[0] for part in card.split("```python")[1:] if "model.strings.onnx" in part]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=bundle.directory, capture_output=True, text=True, check=True
    )
    assert result.stdout == "(16, 3)\n"


def test_one_onnx_file_answers_strings_with_another_name_inside(bundle):
    import onnx

    properties = onnx.load(bundle.directory / "classifier/model.strings.onnx").metadata_props
    assert {entry.key: entry.value for entry in properties}["part"] == "classifier_strings"


def test_what_is_missing_is_an_input_of_every_format(tokenizer, tmp_path):
    model = build_classifier(vit(), words(tokenizer), "add", num_classes=2, head="hinge", missing_modalities=True)
    manifest = export(model, tmp_path / "missing", raw=False)
    specs = {spec.name: spec.dtype for spec in manifest.parts["classifier"].inputs}
    assert specs == {"images": "uint8", "token_ids": "int32", "image_present": "bool", "text_present": "bool"}
    assert {artifact.format for artifact in manifest.artifacts} == {"saved_model", "tflite", "onnx"}
    bundle = Bundle(tmp_path / "missing")
    inputs = {"images": IMAGES, "token_ids": RNG.integers(3, 200, (3, 8)).astype("int32")}
    inputs |= {"image_present": np.array([True, False, True]), "text_present": np.array([False, True, True])}
    expected = model.predict(inputs, verbose=0)
    for format in ("saved_model", "tflite", "onnx"):
        np.testing.assert_allclose(bundle.run("classifier", format, inputs)["scores"], expected, atol=1e-4)


def test_a_matcher_is_the_part_that_predicts(tokenizer, tmp_path):
    model = build_matcher(vit(), words(tokenizer), "gated", embed_dim=4, tokenizer=tokenizer)
    manifest = export(model, tmp_path / "matcher", ("tflite", "onnx"))
    assert {(a.part, a.format) for a in manifest.artifacts} == {
        ("matcher", "tflite"),
        ("matcher", "onnx"),
        ("matcher_strings", "onnx"),
    }
    given = {"images": IMAGES, "text_strings": np.array(QUESTIONS)}
    actual = Bundle(tmp_path / "matcher").run("matcher_strings", "onnx", given)["match"][:, 0]
    np.testing.assert_allclose(actual, model.match(IMAGES, QUESTIONS), atol=1e-5)


def test_several_tasks_are_outputs_of_one_part(tokenizer, tmp_path):
    tasks = {"mood": Task(2, labels=("bad", "good")), "size": Task(1, head="regression")}
    model = build_multitask(vit(), words(tokenizer), tasks=tasks, fusion="bilinear")
    manifest = export(model, tmp_path / "tasks", raw=False)
    assert [output.name for output in manifest.parts["multitask"].outputs] == ["mood", "size"]
    content = json.loads((tmp_path / "tasks/labels.json").read_text(encoding="utf-8"))
    assert content["tasks"]["mood"] == {"labels": ["bad", "good"], "activation": "softmax"}
    assert "`mood`: 0 bad, 1 good" in (tmp_path / "tasks/README.md").read_text(encoding="utf-8")
    bundle = Bundle(tmp_path / "tasks")
    inputs = {"images": IMAGES, "token_ids": RNG.integers(3, 200, (3, 8)).astype("int32")}
    expected = model.predict(inputs, verbose=0)
    for format in ("saved_model", "tflite", "onnx"):
        outputs = bundle.run("multitask", format, inputs)
        for name in tasks:
            np.testing.assert_allclose(outputs[name], expected[name], atol=1e-4)


def test_values_of_any_size_are_judged_in_proportion(tokenizer, tmp_path):
    model = build_classifier(vit(), words(tokenizer), "concat", num_classes=1, head="regression", hidden=0)
    dense = model.answer_head.output_dense[0]
    dense.kernel.assign(dense.kernel * 1e5)
    answers = np.asarray(model({"images": IMAGES, "token_ids": np.tile(np.arange(8, dtype="int32"), (3, 1))}))
    assert np.abs(answers).max() > 1e4
    manifest = export(model, tmp_path / "values", ("onnx",), raw=False)
    assert manifest.artifacts[0].min_cosine > 0.99999


def test_raw_forms_must_be_of_the_parts_own_inputs(classifier, tmp_path):
    from dataclasses import replace

    from mmzoo.signature import RawTexts

    class Wrong:
        name = "wrong"

        def __init__(self, *raw):
            self.part = replace(classifier.export_parts()["classifier"], raw=raw)

        def export_parts(self):
            return {"classifier": self.part}

    texts = classifier.export_parts()["classifier"].raw[1]
    with pytest.raises(ValueError, match="must have the raw input 'ids' as an input, received images, token_ids"):
        export(Wrong(RawTexts("ids", texts.tokenizer, 8)), tmp_path / "wrong", ("onnx",))
    with pytest.raises(ValueError, match="at most one raw form of each kind, received token_ids, token_ids"):
        export(Wrong(texts, texts), tmp_path / "wrong", ("onnx",))
