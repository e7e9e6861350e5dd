"""generate: one picture file of all that was drawn, or a sentence and no file."""

import json

import numpy as np
import pytest
from PIL import Image

from mmzoo import build_captioner, build_convnet
from mmzoo.training.sample_grid import picture_grid

CAPTION, OTHER = "a red circle on the left", "a small blue square"


@pytest.fixture(scope="module")
def folder(clip, painter, tmp_path_factory):
    path = tmp_path_factory.mktemp("painters")
    (path / "run").mkdir()
    painter.save(path / "run" / "model.keras")
    clip.save(path / "clip.keras")
    encoder = build_convnet(image_size=8, widths=(4,), blocks=1)
    build_captioner(encoder, decoder="gru", tokenizer=clip.tokenizer, context_length=8, width=4).save(
        path / "other.keras"
    )
    return path


def test_one_caption_fills_a_square(run, folder, painter, tmp_path):
    out = tmp_path / "grid.png"
    status, printed, _ = run(
        "generate", "--model", folder / "run", CAPTION, "--n", 9, "--seed", 4, "--out", out, "--json"
    )
    assert status == 0
    assert json.loads(printed) == {"captions": [CAPTION], "pictures": 9, "out": str(out)}
    np.testing.assert_array_equal(Image.open(out), picture_grid(painter.generate([CAPTION] * 9, seed=4), 3))
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]


def test_each_of_several_captions_has_a_row(run, folder, painter, tmp_path):
    out = tmp_path / "grid.png"
    model = ("--model", folder / "run" / "model.keras")
    status, _, _ = run("generate", *model, CAPTION, OTHER, "--n", 3, "--truncation", 0.7, "--out", out)
    assert status == 0
    expected = painter.generate([CAPTION] * 3 + [OTHER] * 3, truncation=0.7)
    np.testing.assert_array_equal(Image.open(out), picture_grid(expected, 3))


def test_a_clip_chooses(run, folder, clip, painter, tmp_path):
    out = tmp_path / "grid.png"
    choice = ("--best-of", 3, "--judge", folder / "clip.keras")
    status, _, _ = run("generate", "--model", folder / "run", CAPTION, "--n", 4, *choice, "--out", out)
    assert status == 0
    expected = painter.generate([CAPTION] * 4, candidates=3, judge=clip)
    assert (expected != painter.generate([CAPTION] * 4)).any()
    np.testing.assert_array_equal(Image.open(out), picture_grid(expected, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "none.keras", "a"), "none.keras must be a .keras file, a finished run"),
        (("--model", "other.keras", "a"), "--model must be a text-to-image model, received"),
        (("--model", "run", " "), "CAPTIONS must say something"),
        (("--model", "run", "a", "--truncation", "0"), "truncation must be at least 0.01, received 0"),
        (("--model", "run", "a", "--best-of", "2"), "--best-of and --judge must go together, received --best-of 2 and"),
        (("--model", "run", "a", "--judge", "clip.keras"), "--best-of and --judge must go together"),
        (
            ("--model", "run", "a", "--best-of", "2", "--judge", "other.keras"),
            "--judge must be a CLIP, received other.keras with another model",
        ),
    ],
)
def test_what_cannot_be_drawn_gets_one_sentence_and_no_file(run, folder, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    status, _, error = run("generate", *arguments, "--out", tmp_path / "grid.png")
    assert (status, message in error, error.count("\n")) == (1, True, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [("grid.jpg", "--out must be a .png file"), ("none/grid.png", "--out must be a file in a directory that exists")],
)
def test_where_no_file_can_go_nothing_is_loaded(run, folder, tmp_path, name, message):
    status, _, error = run("generate", "--model", folder / "run", CAPTION, "--out", tmp_path / name)
    assert (status, message in error) == (1, True)
    assert list(tmp_path.iterdir()) == []
