"""`mmzoo eval` of a captioner: its captions beside the data's own, and what is true of them."""

import json

import keras
import pytest
from PIL import Image

from mmzoo.data import shapes
from mmzoo.encoders import build_convnet, build_recurrent_text
from mmzoo.models import build_captioner
from mmzoo.tokenizer import Tokenizer

pytestmark = pytest.mark.usefixtures("plain_search")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A captioner of shapes in two languages that was trained for seconds, one that reads questions, and pictures with captions."""
    folder = tmp_path_factory.mktemp("captioners")
    keras.utils.set_random_seed(0)
    pairs = shapes(32, tagged=True)
    captions = [caption for row in pairs.captions for caption in row]
    tokenizer = Tokenizer.train(captions, 500, languages=("en", "zh"))
    sizes = {"tokenizer": tokenizer, "context_length": 40, "width": 32}
    image = build_convnet(image_size=32, widths=(8, 16), blocks=1)
    model = build_captioner(image, decoder="gru", **sizes)
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    x = {"images": pairs.images.repeat(8, axis=0), "token_ids": tokenizer(captions, 40)}
    model.fit(x, batch_size=64, epochs=4, verbose=0)
    model.save(folder / "writer.keras")
    text = build_recurrent_text(vocab_size=tokenizer.vocab_size, context_length=8, width=8)
    build_captioner(image, text, decoder="gru", **sizes).save(folder / "reader.keras")
    (folder / "mine").mkdir()
    for name, picture in (("one", pairs.images[0]), ("two", pairs.images[1])):
        Image.fromarray(picture).save(folder / "mine" / f"{name}.png")
    (folder / "mine" / "captions.csv").write_text("image,caption\none.png,a circle\ntwo.png,a circle\n")
    return folder


def test_shapes_are_judged_by_words_and_by_truth(folder, tmp_path, run):
    out = tmp_path / "report"
    command = ("eval", "--model", folder / "writer.keras", "--data", "shapes", "--limit", "24", "--language", "en")
    status, printed, error = run(*command, "--out", out, "--json")
    assert status == 0, error
    report = json.loads(printed)["shapes"]
    assert set(report) == {"greedy", "beam", "real_captions", "beam_at_least_greedy"}
    assert report["greedy"]["count"] == 24
    assert report["greedy"]["tokenize"] == "13a"
    assert 0 < report["greedy"]["bleu_1"] <= 100
    assert 20 < report["real_captions"]["bleu_4"] < 90  # other wordings of the same scene
    assert report["beam"]["truth"]["count"] == 24
    assert {"all_right", "understood", "missed", "invented"} <= set(report["greedy"]["truth"])
    assert json.loads((out / "report.json").read_text())["files"] == ["shapes/captions.png"]
    with Image.open(out / "shapes" / "captions.png") as picture:
        assert min(picture.size) > 300


def test_a_folder_with_one_caption_each_has_no_ceiling_and_a_person_reads_a_table(folder, run):
    status, printed, error = run(
        "eval", "--model", folder / "writer.keras", "--data", folder / "mine", "--language", "en"
    )
    assert status == 0, error
    assert "cider_d" in printed
    assert "beam at least greedy" in printed
    assert "all_right" not in printed


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("writer.keras", ("--data", "sentiment"), "digits, shapes or a folder for a captioner, received 'sentiment'"),
        (
            "writer.keras",
            ("--data", "mine", "--language", "zh"),
            "must have a caption in the language zh for each picture",
        ),
        (
            "writer.keras",
            ("--data", "mine", "--language", "fr"),
            "--language must be one of en, zh for this captioner, received 'fr'",
        ),
        (
            "writer.keras",
            ("--data", "mine", "--template", "a {}"),
            "--template must be left out for a model other than",
        ),
        ("reader.keras", ("--data", "mine"), "received reader.keras with one that reads questions, a Captioner"),
    ],
)
def test_a_mistake_gets_one_sentence(model, options, message, folder, run, monkeypatch):
    monkeypatch.chdir(folder)
    status, _, error = run("eval", "--model", model, *options)
    assert status == 1
    assert message in " ".join(error.split())
