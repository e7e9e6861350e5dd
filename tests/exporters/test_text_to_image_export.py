"""A text-to-image model's parts draw in each runtime what it draws."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

import mmzoo
from mmzoo.bundle import Bundle, verify
from mmzoo.encoders import build_text_transformer
from mmzoo.exporters import Gate, GateError, Limits, ParityError

FORMATS = pytest.mark.parametrize("form", ["saved_model", "tflite", "onnx"])
TEXTS = ["a red circle on the left", "数字七 3.14", "", "Zwei GROSSE Hunde 🎉", "a small blue square"]


def noise_of(model, count, seed):
    """As README of exports says a client draws it."""
    rows = [np.random.default_rng((seed, index)).standard_normal(model.noise_dim) for index in range(count)]
    return np.array(rows, np.float32)


def inputs_of(model, seed=5):
    ids = np.array(model.tokenizer(TEXTS, model.context_length), np.int32)
    return {"noise": noise_of(model, len(TEXTS), seed), "token_ids": ids}


def levels_apart(a, b):
    return np.abs(np.asarray(a, float) - np.asarray(b, float))


@pytest.fixture(scope="module")
def drawn(painter):
    pictures = painter.generate(TEXTS, seed=5)
    assert levels_apart(pictures[0], pictures[1]).mean() > 20  # another noise and text
    assert levels_apart(pictures, painter.generate(TEXTS[::-1], seed=5)).mean() > 5  # another text alone
    return pictures


@FORMATS
def test_every_format_draws_what_generate_draws(form, painter, painter_bundle, drawn):
    found = Bundle(painter_bundle).run("text_to_image", form, inputs_of(painter))["images"]
    assert (found.dtype, found.shape) == (np.uint8, drawn.shape)
    assert levels_apart(found, drawn).max() <= 1
    assert np.mean(found == drawn) > 0.999


@FORMATS
def test_the_halves_draw_what_the_whole_draws(form, painter, painter_bundle, drawn):
    bundle, inputs = Bundle(painter_bundle), inputs_of(painter)
    read = bundle.run("text_reader", form, {"token_ids": inputs["token_ids"]})
    found = bundle.run("generator", form, {"noise": inputs["noise"], **read})["images"]
    assert found.dtype == np.float32
    assert levels_apart(found, drawn).max() < 0.51


def test_strings_become_png_files(painter, painter_bundle, drawn):
    given = {"text_strings": np.array(TEXTS), "noise": noise_of(painter, len(TEXTS), 5)}
    files = Bundle(painter_bundle).run("text_to_image_png", "saved_model", given)["png_bytes"]
    opened = [Image.open(io.BytesIO(file)) for file in files]
    assert {(each.format, each.mode) for each in opened} == {("PNG", "RGB")}
    assert levels_apart(np.stack([np.asarray(each) for each in opened]), drawn).max() <= 1


@pytest.mark.parametrize("form", ["saved_model", "onnx"])
def test_strings_become_tensors(form, painter, painter_bundle, drawn):
    given = {"text_strings": np.array(TEXTS), "noise": noise_of(painter, len(TEXTS), 5)}
    found = Bundle(painter_bundle).run("text_to_image_strings", form, given)["images"]
    assert levels_apart(found, drawn).max() <= 1


@pytest.mark.parametrize(("precision", "most"), [("fp16", 0.5), ("int8", 5)])
@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_smaller_files_draw_nearly_the_same(precision, most, form, painter, painter_bundle, drawn):
    bundle = Bundle(painter_bundle)
    found = bundle.run("text_to_image", form, inputs_of(painter), precision=precision)["images"]
    assert levels_apart(found, drawn).mean() <= most
    assert bundle.manifest.artifact("text_to_image", form, precision).mean_levels <= most


def test_the_bundle_verifies_and_its_card_speaks_of_levels(painter_bundle):
    assert verify(painter_bundle).problems == ()
    card = (painter_bundle / "README.md").read_text("utf-8")
    assert "Differences of pictures are in levels of 0 to 255." in card
    assert "mean diff of pictures" in card


@pytest.fixture
def text_encoder():
    """Without a tokenizer."""
    keras.utils.set_random_seed(1)
    return build_text_transformer(vocab_size=40, context_length=6, width=8, depth=1, num_heads=1)


def test_png_files_of_other_pixels_are_an_error(make_painter, text_encoder, tmp_path, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.io, "encode_png", tf.io.encode_jpeg)
    message = "'text_to_image_png' in format 'saved_model' must answer as the Keras model does"
    with pytest.raises(ParityError, match=message):
        mmzoo.export(make_painter(text_encoder, width=2), tmp_path / "jpeg", ("saved_model",))


def test_without_a_tokenizer_token_ids_become_png_files(make_painter, text_encoder, tmp_path):
    model = make_painter(text_encoder, width=2)
    manifest = mmzoo.export(model, tmp_path / "ids", ("saved_model",))
    assert list(manifest.parts) == ["text_reader", "generator", "text_to_image", "text_to_image_png"]
    assert [spec.name for spec in manifest.parts["text_to_image_png"].inputs] == ["noise", "token_ids"]


def test_words_that_are_attended_to_go_from_half_to_half(make_painter, text_encoder, tmp_path):
    model = make_painter(text_encoder, width=2, word_attention=True)
    manifest = mmzoo.export(model, tmp_path / "words", quantize=("int8", "fp16"))
    halves = manifest.parts["text_reader"].outputs, manifest.parts["generator"].inputs[1:]
    assert [{spec.name for spec in half} for half in halves] == [{"text", "words", "mask"}] * 2
    worst = {a.part: a.max_abs_diff for a in manifest.artifacts if a.precision == "fp32" and a.mean_levels is not None}
    assert set(worst) == {"generator", "text_to_image", "text_to_image_png"}
    assert max(worst.values()) <= 1


def test_pictures_too_many_levels_off_do_not_pass_the_gate(make_painter, text_encoder, tmp_path):
    strict = Gate(int8=Limits(min_cosine=0, max_drop=1, max_levels=0.001))
    with pytest.raises(
        GateError, match=r"pictures \S+ of 255 levels off in the mean in part 'generator' \(at most 0.001\)"
    ):
        mmzoo.export(make_painter(text_encoder, width=4), tmp_path / "no", ("tflite",), quantize="int8", gate=strict)
