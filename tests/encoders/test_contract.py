"""What an encoder carries besides its weights."""

import json

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.encoders import build_encoder
from mmzoo.presets import BertSizes, TextSizes, ViTSizes

TEXTS = ("a red circle", "a blue square")


@pytest.fixture(scope="module")
def tokenizer():
    return mmzoo.Tokenizer.train(TEXTS, 300)


def test_preprocessing_is_saved_with_an_image_encoder(tmp_path):
    encoder = build_encoder(ViTSizes(12, 4, 16, 1, 2))
    assert encoder.image_preprocessing == mmzoo.ImagePreprocessing((12, 12))
    encoder.image_preprocessing = mmzoo.ImagePreprocessing((12, 12), "bilinear", "squash")
    encoder.save(tmp_path / "encoder.keras")
    back = mmzoo.load(tmp_path / "encoder.keras")
    assert isinstance(back, mmzoo.ImageEncoder)
    assert back.image_preprocessing == encoder.image_preprocessing
    feed = {"images": np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3)).astype("float32")}
    assert np.array_equal(back(feed)["pooled"], encoder(feed)["pooled"])
    with pytest.raises(ValueError, match=r"must have the encoder's size \(12, 12\), received \(24, 24\)"):
        encoder.image_preprocessing = mmzoo.ImagePreprocessing((24, 24))


@pytest.mark.parametrize("with_tokenizer", [True, False])
def test_a_tokenizer_is_saved_with_a_text_encoder(tokenizer, tmp_path, with_tokenizer, monkeypatch):
    encoder = build_encoder(BertSizes(300, 8, 16, 1, 2))
    encoder.tokenizer = tokenizer if with_tokenizer else None
    encoder.save(tmp_path / "encoder.keras")
    monkeypatch.chdir(tmp_path)
    tokenizer.save("tokenizer.json")  # one that lies about is not picked up
    back = mmzoo.load(tmp_path / "encoder.keras")
    assert isinstance(back, mmzoo.TextEncoder)
    assert back.tokenizer == encoder.tokenizer


def test_a_clip_takes_tokenizer_and_preprocessing_from_its_encoders(tokenizer, tmp_path):
    image, text = build_encoder(ViTSizes(12, 4, 16, 1, 2)), build_encoder(TextSizes(300, 8, 16, 1, 2, end_id=3))
    image.image_preprocessing = mmzoo.ImagePreprocessing((12, 12), fit="squash")
    text.tokenizer = tokenizer
    model = mmzoo.build_clip(image_encoder=image, text_encoder=text, embed_dim=8)
    assert model.tokenizer == tokenizer
    assert model.image_preprocessing.fit == "squash"
    model.save(tmp_path / "clip.keras")
    back = mmzoo.load(tmp_path / "clip.keras")
    assert back.tokenizer == tokenizer
    assert back.text_encoder.tokenizer == tokenizer
    assert back.image_preprocessing == image.image_preprocessing == back.image_encoder.image_preprocessing


@pytest.mark.parametrize("make", ["build_clip", "build_classifier", "build_pretrainer"])
def test_encoders_without_their_own_have_what_their_model_was_given(tokenizer, tmp_path, make):
    options = {
        "build_clip": {"embed_dim": 8},
        "build_classifier": {"num_classes": 2},
        "build_pretrainer": {"embed_dim": 8},
    }
    image, text = build_encoder(ViTSizes(12, 4, 16, 1, 2)), build_encoder(TextSizes(300, 8, 16, 1, 2, end_id=3))
    squash = mmzoo.ImagePreprocessing((12, 12), fit="squash")
    model = getattr(mmzoo, make)(
        image_encoder=image, text_encoder=text, tokenizer=tokenizer, image_preprocessing=squash, **options[make]
    )
    model.save(tmp_path / "model.keras")
    for each in (model, mmzoo.load(tmp_path / "model.keras")):
        parts = each if make == "build_clip" else each.trunk
        assert (parts.text_encoder.tokenizer, parts.image_encoder.image_preprocessing) == (tokenizer, squash)


def test_a_file_whose_encoder_has_no_tokenizer_lends_it_the_model_s(tokenizer, tmp_path):
    image, text = build_encoder(ViTSizes(12, 4, 16, 1, 2)), build_encoder(TextSizes(300, 8, 16, 1, 2, end_id=3))
    model = mmzoo.build_classifier(image, text, num_classes=2, tokenizer=tokenizer)
    text.tokenizer = None  # as files of earlier versions have it
    model.save(tmp_path / "model.keras")
    back = mmzoo.load(tmp_path / "model.keras")
    again = mmzoo.build_multitask(trunk=back.trunk, tasks={"mood": mmzoo.Task(2)})
    assert again.tokenizer == back.tokenizer == tokenizer


def test_preprocessing_of_earlier_versions_loads_and_of_later_ones_is_refused(tmp_path):
    from mmzoo.encoders.contract import read_preprocessing

    path = tmp_path / "preprocessing.json"
    path.write_text(json.dumps({"size": [12, 12], "interpolation": "bicubic", "fit": "crop"}))
    assert read_preprocessing(tmp_path) == mmzoo.ImagePreprocessing((12, 12))
    path.write_text(json.dumps({"size": [12, 12], "colours": "sepia"}))
    with pytest.raises(ValueError, match=r"fields of ImagePreprocessing only, received \['colours'\]"):
        read_preprocessing(tmp_path)


@pytest.mark.parametrize(
    ("projections", "weights"),
    [(("linear", "linear"), (1, 1)), (("none", "affine"), (0, 2)), (("affine", "none"), (2, 0))],
)
def test_projections(projections, weights):
    image, text = build_encoder(ViTSizes(12, 4, 16, 1, 2)), build_encoder(TextSizes(50, 8, 16, 1, 2))
    model = mmzoo.build_clip(
        image_encoder=image,
        text_encoder=text,
        embed_dim=16,
        image_projection=projections[0],
        text_projection=projections[1],
    )
    found = tuple(
        len(tower.weights) - len(encoder.weights)
        for tower, encoder in ((model.image_tower, image), (model.text_tower, text))
    )
    assert found == weights
    again = type(model).from_config(model.get_config())
    assert (again.image_projection, again.text_projection) == projections


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_projection": "cubic"}, "image_projection must be one of linear, affine, none, received 'cubic'"),
        ({"text_projection": "none"}, "must be 'linear' or 'affine' where pooled has 16 numbers and embed_dim is 8"),
    ],
)
def test_wrong_projections(options, message):
    image, text = build_encoder(ViTSizes(12, 4, 16, 1, 2)), build_encoder(TextSizes(50, 8, 16, 1, 2))
    with pytest.raises(ValueError, match=message):
        mmzoo.build_clip(image_encoder=image, text_encoder=text, embed_dim=8, **options)


def test_an_encoder_alone_is_exported_with_its_raw_form(tokenizer, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("artifacts are written on TensorFlow")
    encoder = build_encoder(BertSizes(300, 8, 16, 1, 2))
    encoder.tokenizer = tokenizer
    manifest = mmzoo.export(encoder, tmp_path / "bert", ("saved_model", "onnx"))
    assert {artifact.part for artifact in manifest.artifacts} == {"text", "text_strings"}
