"""caption and ask: texts on standard output, and a sentence for what cannot be read."""

import json

import keras
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mmzoo import Tokenizer, build_captioner, build_convnet, build_recurrent_text, build_vqa
from mmzoo.cli.app import app

pytestmark = pytest.mark.usefixtures("plain_search")

TOKENIZER = Tokenizer.train(["a red circle", "what is it?"], 300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("captions")
    keras.utils.set_random_seed(0)
    encoder = build_convnet(image_size=8, widths=(4,), blocks=1)
    words = build_recurrent_text(vocab_size=TOKENIZER.vocab_size, context_length=8, width=4)
    sizes = {"decoder": "gru", "tokenizer": TOKENIZER, "context_length": 8, "width": 4}
    build_captioner(encoder, **sizes).save(path / "caption.keras")
    build_captioner(encoder, words, **sizes).save(path / "ask.keras")
    build_vqa(encoder, words, ("yes", "no"), "concat", tokenizer=TOKENIZER).save(path / "vqa.keras")
    Image.fromarray(np.full((9, 7, 3), 128, np.uint8)).save(path / "grey.png")
    (path / "bad.png").write_bytes(b"nothing")
    return path


def run(*arguments):
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    return result, None if result.exception is None else str(result.exception)


def test_every_picture_gets_a_caption(folder):
    result, error = run("caption", "--model", folder / "caption.keras", folder / "grey.png", "--beams", 1, "--json")
    assert error is None
    (record,) = json.loads(result.stdout)["captions"]
    assert record["image"] == str(folder / "grey.png")
    assert record["log_probability"] < 0


def test_a_bad_picture_stops_no_other(folder):
    pictures = (folder / "bad.png", folder / "grey.png")
    result, error = run("caption", "--model", folder / "caption.keras", *pictures, "--beams", 1, "--json")
    assert result.exit_code == 1
    assert "1 of 2 pictures could not be read" in error
    assert len(json.loads(result.stdout)["captions"]) == 1


@pytest.mark.parametrize("model", ["ask.keras", "vqa.keras"])
def test_a_question_is_answered(folder, model):
    result, error = run("ask", "--model", folder / model, folder / "grey.png", "what is it?", "--beams", 1, "--json")
    assert error is None
    answer = json.loads(result.stdout)["answer"]
    assert answer in ("yes", "no") if model == "vqa.keras" else isinstance(answer, str)


def test_what_cannot_be_gets_one_sentence(folder):
    picture = folder / "grey.png"
    _, error = run("caption", "--model", folder / "caption.keras", folder / "none.png")
    assert "IMAGE must be a picture file" in error
    _, error = run("caption", "--model", folder / "ask.keras", picture)
    assert "--model must be a captioner without a text encoder" in error
    _, error = run("ask", "--model", folder / "caption.keras", picture, "what?")
    assert "--model must be a captioner with a text encoder, or a classifier," in error
