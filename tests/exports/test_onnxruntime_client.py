"""The onnxruntime client answers as the Keras model does, from files and strings."""

import shutil
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo import metrics
from mmzoo.data import resize, safe_decode

TEXTS = ["a red circle", "数字七", "un café"]


@pytest.fixture
def onnx_client(client_module):
    return client_module("onnxruntime_client").OnnxClient


def test_embeddings_are_the_models(onnx_client, bundle, clip, pictures):
    client = onnx_client(bundle)
    images = np.stack([resize(safe_decode(path), clip.image_preprocessing) for path in pictures])
    assert np.abs(client.embed_images(pictures, batch_size=2) - clip.encode_image(images)).max() < 1e-5
    assert np.abs(client.embed_texts(TEXTS, batch_size=2) - clip.encode_text(TEXTS)).max() < 1e-5


def test_no_pictures_and_no_texts_give_no_rows(onnx_client, bundle):
    assert onnx_client(bundle).embed_images([]).shape == onnx_client(bundle).embed_texts([]).shape == (0, 64)


def test_one_text_is_not_a_list_of_characters(onnx_client, bundle):
    with pytest.raises(TypeError, match="texts must be a list of texts, received a single str"):
        onnx_client(bundle).embed_texts("a red circle")


def test_int8_is_the_int8_file(onnx_client, bundle, pictures):
    exact, rounded = (onnx_client(bundle, precision=p).embed_images(pictures) for p in ("fp32", "int8"))
    cosines = (exact * rounded).sum(1)
    assert not np.array_equal(exact, rounded)
    assert cosines.min() > 0.98


def test_a_precision_the_bundle_lacks_is_named(onnx_client, bundle, pictures):
    with pytest.raises(ValueError, match=r"as onnx .*image in int8.* received image in fp16"):
        onnx_client(bundle, precision="fp16").embed_images(pictures)


def test_the_tokenizer_inside_gives_the_same_embeddings(onnx_client, bundle, clip):
    texts = [*TEXTS, "", "A <end> 3.14 🎉", "nul\0 and \ud800"]
    client = onnx_client(bundle, tokenizer_inside=True)
    assert np.abs(client.embed_texts(texts) - clip.encode_text(texts)).max() < 1e-5
    assert np.abs(client.embed_texts(["long " * 300]) - clip.encode_text(["long " * 300])).max() < 1e-5


def test_cuda_is_used_where_it_is_and_missed_aloud_where_not(onnx_client, bundle):
    import onnxruntime

    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    found = onnxruntime.InferenceSession(bundle / "text/model.onnx", providers=providers).get_providers()
    client = onnx_client(bundle, device="cuda")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answers = client.embed_texts(TEXTS)
    assert np.abs(answers - onnx_client(bundle).embed_texts(TEXTS)).max() < 1e-3
    said = [str(warning.message) for warning in caught if "'cuda' was asked for" in str(warning.message)]
    assert (client.device, len(said)) == (("cuda", 0) if providers[0] in found else ("cpu", 1))
    assert all(message.endswith("running on the CPU") for message in said)


def test_any_models_parts_run_by_name(onnx_client, tagged):
    x = np.arange(32, dtype=np.float32).reshape(2, 16)
    assert np.array_equal(onnx_client(tagged).run("model", {"x": x})["y"], 4 * x + 3)


def test_a_damaged_model_is_refused(onnx_client, bundle, tmp_path, pictures):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    content = bytearray((copy / "image/model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "image/model.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"image/model\.onnx must have the sha256"):
        onnx_client(copy).embed_images(pictures)


def test_the_command_line_prints_the_cosines(project, bundle, clip, pictures):
    images = resize(safe_decode(pictures[0]), clip.image_preprocessing)[None]
    command = [sys.executable, "onnxruntime_client.py", bundle, pictures[0], *TEXTS, "--precision", "fp32"]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    lines = [line.split("  ", 1) for line in result.stdout.splitlines()]
    assert [text for _, text in lines] == TEXTS
    assert np.allclose([float(cosine) for cosine, _ in lines], clip.similarity(images, TEXTS)[0], atol=1e-3)


def test_a_classifier_s_bundle_is_read_with_its_labels(clip, client_module, pictures, tmp_path):
    labels, templates = ["red circle", "blue square"], ["a photo of a {}"]
    mmzoo.export_classifier(clip, labels, templates, tmp_path / "colours", ("onnx",), raw=False)
    found, probabilities = client_module("onnxruntime_client").OnnxClient(tmp_path / "colours").classify(pictures)
    assert found == labels
    shown = np.stack([resize(safe_decode(path), clip.image_preprocessing) for path in pictures])
    similarities = clip.encode_image(shown) @ metrics.label_embeddings(clip.encode_text, labels, templates).T
    logits = similarities * float(clip.logit_scale(keras.ops.ones(())))
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)


def test_questions_about_pictures_are_answered(clip, onnx_client, pictures, tmp_path):
    model = mmzoo.build_vqa(
        clip.image_encoder, clip.text_encoder, ("yes", "no", "red"), "add", tokenizer=clip.tokenizer
    )
    mmzoo.export(model, tmp_path / "answers", ("onnx",), raw=False)
    client, questions = onnx_client(tmp_path / "answers"), ["is it red?", "数字七 ٣"]
    found, probabilities = client.classify(pictures[:2], questions, batch_size=1)
    assert found == ["yes", "no", "red"]
    shown = np.stack([resize(safe_decode(path), clip.image_preprocessing) for path in pictures[:2]])
    np.testing.assert_allclose(probabilities, np.asarray(model(model.inputs_of(shown, questions))), atol=1e-4)
    with pytest.raises(ValueError, match="texts must be 2, one a picture, received 1"):
        client.classify(pictures[:2], questions[:1])
    with pytest.raises(ValueError, match=r"inputs must be \['images', 'token_ids'\], received \['images'\]"):
        client.classify(pictures[:2])


def test_one_picture_is_not_a_list(onnx_client, bundle):
    with pytest.raises(TypeError, match="pictures must be a list of pictures, received a single str"):
        onnx_client(bundle).embed_images("cat.png")
