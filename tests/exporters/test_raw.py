"""Artifacts that take files and strings, against the model on what mmzoo.data and the tokenizer make of them."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from mmzoo.bundle import Bundle, verify
from mmzoo.data import resize, safe_decode
from mmzoo.encoders import build_text_transformer
from mmzoo.exporters import TokenDifferenceError, export
from mmzoo.tokenizer import Tokenizer

TEXTS = ["a photo of the digit seven", "数字七 ٣", "Ünïcödé \u096c  and\ttabs", "", "<end> 🎉🏽"]


def picture(kind: str, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(load_sample_images().images[1]).crop((100, 80, 100 + size[0], 80 + size[1])).save(buffer, kind)
    return buffer.getvalue()


FILES = [picture("JPEG", (200, 120)), picture("PNG", (90, 201))]


@pytest.fixture(scope="module")
def bundle(clip_bundle) -> Bundle:
    return Bundle(clip_bundle)


def test_picture_files_are_embedded_as_the_model_embeds_what_mmzoo_data_reads(bundle, clip):
    pictures = np.stack([resize(safe_decode(file), clip.image_preprocessing) for file in FILES])
    actual = bundle.run("image_bytes", "saved_model", {"image_bytes": np.array(FILES)})["image_embeds"]
    assert np.sum(actual * clip.encode_image(pictures), axis=1).min() > 0.9999  # a value in a thousand differs by 1/255


@pytest.mark.parametrize("format", ["saved_model", "onnx"])
def test_strings_are_embedded_as_the_model_embeds_them(bundle, clip, format):
    actual = bundle.run("text_strings", format, {"text_strings": np.array(TEXTS)})["text_embeds"]
    np.testing.assert_allclose(actual, clip.encode_text(TEXTS), atol=1e-5)


def test_raw_artifacts_are_in_the_manifest_with_what_they_need(bundle):
    raw = [a for a in bundle.manifest.artifacts if a.part in ("image_bytes", "text_strings")]
    assert [(a.part, a.format, a.path, a.needs) for a in raw] == [
        ("image_bytes", "saved_model", "saved_model_raw/1", ()),
        ("text_strings", "saved_model", "saved_model_raw/1", ()),
        ("text_strings", "onnx", "text/model.strings.onnx", ("onnxruntime-extensions",)),
        ("text_strings", "onnx", "text/model.int8.strings.onnx", ("onnxruntime-extensions",)),
    ]
    assert [a.differs_on for a in raw] == [(), (), ("U+0000",), ("U+0000",)]


def test_the_bundle_verifies_and_the_card_says_what_a_graph_cannot_do(bundle):
    assert verify(bundle.directory).ok
    card = (bundle.directory / "README.md").read_text()
    assert "EXIF orientation is not applied" in card
    assert "strings with U+0000" in card


def test_the_raw_saved_model_loads_where_only_tensorflow_is(bundle):
    code = (
        "import sys, tensorflow as tf\n"
        f"model = tf.saved_model.load({str(bundle.directory / 'saved_model_raw/1')!r})\n"
        "print(model.signatures['text_strings'](text_strings=tf.constant(['a']))['text_embeds'].shape)\n"
        "print(sorted({'mmzoo', 'tensorflow_text'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "(1, 64)\n[]\n"


def test_raw_forms_can_be_left_out(clip, tmp_path):
    manifest = export(clip, tmp_path / "plain", ("onnx",), raw=False)
    assert set(manifest.parts) == {"image", "text"}


@pytest.fixture
def wrong_tokenizer(monkeypatch):
    """A form in the graph that takes every text with an accent for an empty one."""
    from mmzoo.exporters.tokens import tensorflow

    right = tensorflow.tensorflow_tokenizer

    def build(tokenizer, length):
        tokenize = right(tokenizer, length)
        return lambda texts: tokenize(_without_accented(texts))

    monkeypatch.setattr(tensorflow, "tensorflow_tokenizer", build)


def _without_accented(texts):
    import tensorflow as tf

    return tf.where(tf.strings.regex_full_match(texts, ".*[é七ß].*"), "", texts)


@pytest.fixture
def text_encoder(clip):
    encoder = build_text_transformer(
        vocab_size=clip.tokenizer.vocab_size, context_length=8, width=8, depth=0, num_heads=1
    )
    encoder.tokenizer = clip.tokenizer
    return encoder


def test_other_token_ids_are_an_error_that_shows_the_strings(text_encoder, tmp_path, wrong_tokenizer):
    with pytest.raises(TokenDifferenceError, match=r"letters outside ASCII.*\\xe9"):
        export(text_encoder, tmp_path / "wrong", ("saved_model",))
    assert not (tmp_path / "wrong").exists()


def test_other_token_ids_can_be_allowed_and_are_recorded(text_encoder, tmp_path, wrong_tokenizer):
    manifest = export(text_encoder, tmp_path / "wrong", ("saved_model",), allow_token_differences=True)
    assert "letters outside ASCII" in manifest.artifact("text_strings", "saved_model").differs_on


def test_a_tokenizer_without_a_form_in_a_graph_is_told_of(text_encoder, clip, tmp_path):
    content = json.loads(clip.tokenizer.definition)
    content["pre_tokenizer"] = {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": True}
    text_encoder.tokenizer = Tokenizer(json.dumps(content))
    with pytest.warns(UserWarning, match="part 'text' is written without its strings: .* received the pre-tokenizer"):
        manifest = export(text_encoder, tmp_path / "ids", ("saved_model",))
    assert set(manifest.parts) == {"text"}
