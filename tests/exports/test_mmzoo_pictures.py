"""What each runtime's client draws is what the model draws."""

import sys

import numpy as np
import pytest
from PIL import Image

CLIENTS = ("onnxruntime", "litert", "saved_model")
EACH_CLIENT = pytest.mark.parametrize("client", CLIENTS)
CAPTIONS = ["a red circle on the left", "数字七 3.14", "a small blue square", "", "a red circle on the left"]


@pytest.fixture
def open_painter(client_module):
    def open_one(client, bundle, **options):
        return client_module("mmzoo_pictures").Painter(
            client_module("mmzoo_bundle").open_client(client, bundle, **options)
        )

    return open_one


def levels_apart(a, b):
    return np.abs(a.astype(int) - b)


@EACH_CLIENT
@pytest.mark.parametrize("options", [{"seed": 3}, {"seed": 4, "truncation": 0.5}], ids=["seed", "truncation"])
def test_the_pictures_are_those_of_generate(open_painter, client, painter, painter_bundle, options):
    expected = painter.generate(CAPTIONS, **options)
    assert levels_apart(expected[0], expected[4]).max() > 20  # of one caption, from another row of noise
    found = open_painter(client, painter_bundle).draw(CAPTIONS, **options, batch_size=2)
    assert (found.shape, found.dtype) == (expected.shape, np.uint8)
    assert levels_apart(found, expected).max() <= 1


@pytest.mark.parametrize("client", CLIENTS[:2])
@pytest.mark.parametrize(("precision", "most"), [("fp16", 0.5), ("int8", 5)])
def test_smaller_files_draw_nearly_the_same(open_painter, client, painter, painter_bundle, precision, most):
    found = open_painter(client, painter_bundle, precision=precision).draw(CAPTIONS, seed=3)
    assert levels_apart(found, painter.generate(CAPTIONS, seed=3)).mean() <= most


def test_token_ids_are_drawn_too_and_nothing_is_no_error(open_painter, painter, painter_bundle):
    client, ids = open_painter("onnxruntime", painter_bundle), painter.tokenizer(CAPTIONS, painter.context_length)
    np.testing.assert_array_equal(client.draw(ids), client.draw(CAPTIONS))
    assert client.draw([]).shape == (0, 32, 32, 3)


@pytest.mark.parametrize(
    ("captions", "options", "message"),
    [
        ("a red circle", {}, "captions must be a list of strings, received 'a red circle'"),
        (["a"], {"truncation": 0}, "truncation must be at least 0.01, received 0"),
        (["a"], {"seed": -1}, "seed must be at least 0, received -1"),
        (["a"], {"batch_size": 0}, "batch_size must be at least 1, received 0"),
    ],
)
def test_what_cannot_be_drawn_gets_one_sentence(open_painter, painter_bundle, captions, options, message):
    with pytest.raises(ValueError, match=message):
        open_painter("onnxruntime", painter_bundle).draw(captions, **options)


def test_another_model_s_bundle_is_refused(open_painter, bundle):
    with pytest.raises(ValueError, match=r"the bundle must be of a text-to-image model, found the parts image, text"):
        open_painter("onnxruntime", bundle)


@EACH_CLIENT
def test_no_client_needs_mmzoo_or_keras(without_mmzoo, painter_bundle, client):
    code = (
        "import mmzoo_bundle, mmzoo_pictures\n"
        f"painter = mmzoo_pictures.Painter(mmzoo_bundle.open_client('{client}', sys.argv[1]))\n"
        "print(painter.draw(['a red circle'] * 3).shape)"
    )
    assert without_mmzoo(code, painter_bundle) == "(3, 32, 32, 3)"


@pytest.fixture
def command(client_module, monkeypatch):
    client_module("onnxruntime_client")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["mmzoo_pictures.py", *map(str, arguments)])
        client_module("mmzoo_pictures").main()

    return run


def test_its_command_writes_a_file_for_each_picture(command, painter, painter_bundle, tmp_path, capsys):
    command(painter_bundle, *CAPTIONS[:2], "--n", 2, "--seed", 6, "--out", tmp_path / "drawn")
    files = sorted((tmp_path / "drawn").iterdir())
    assert [file.name for file in files] == ["000.png", "001.png", "002.png", "003.png"]
    expected = painter.generate([CAPTIONS[0]] * 2 + [CAPTIONS[1]] * 2, seed=6)
    assert levels_apart(np.stack([np.asarray(Image.open(file)) for file in files]), expected).max() <= 1
    assert capsys.readouterr().out.splitlines()[3] == f"{files[3]}  {CAPTIONS[1]}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere", "a"), "mmzoo_pictures: nowhere must be a directory written by mmzoo.export, found no SHA256SUMS"),
        (("BUNDLE", "a", "--n", "0"), "mmzoo_pictures: --n must be at least 1, received 0"),
        (("BUNDLE", "a", "--truncation", "-1"), "mmzoo_pictures: truncation must be at least 0.01, received -1"),
    ],
)
def test_its_command_says_what_is_wrong_in_one_sentence(command, painter_bundle, tmp_path, arguments, message):
    given = [str(painter_bundle) if word == "BUNDLE" else word for word in arguments]
    with pytest.raises(SystemExit, match=message):
        command(*given, "--out", tmp_path / "drawn")
    assert not (tmp_path / "drawn").exists()


def test_a_client_that_was_not_copied_beside_it_is_one_sentence_too(command, painter_bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "litert_client", None)
    with pytest.raises(SystemExit, match=r"mmzoo_pictures: litert needs litert_client\.py beside mmzoo_bundle\.py"):
        command(painter_bundle, "a", "--client", "litert")
