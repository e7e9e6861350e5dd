"""The command line as a user meets it: the whole way once, and one sentence for each mistake."""

import json
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image

from mmzoo.bundle import SamplesEntry, read_manifest
from mmzoo.cli import main


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes that a colour tells apart, and one file that is no picture."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name, channel in (("red_thing", 0), ("blue_thing", 2)):
        (folder / name).mkdir()
        for index in range(24):
            pixels = rng.integers(0, 60, (40, 40, 3)).astype("uint8")
            pixels[..., channel] += 180
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    (folder / "red_thing" / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "photos"
    command = ["train", "--data", photos, "--out", directory, "--epochs", "3", "--batch-size", "8", "--json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["mmzoo", *map(str, command)])
        with pytest.raises(SystemExit) as ending:
            main()
    assert not ending.value.code
    return directory


class TestTheWholeWay:
    def test_train_leaves_a_run(self, trained):
        names = {path.name for path in trained.iterdir()}
        assert names == {
            "config.json",
            "tokenizer.json",
            "checkpoints",
            "model.keras",
            "history.json",
            "loss.png",
            "similarity.png",
            "gallery.png",
        }
        assert len(json.loads((trained / "history.json").read_text())["loss"]) == 3

    def test_a_finished_run_is_not_trained_again(self, trained, photos, run):
        before = json.loads((trained / "history.json").read_text())
        command = ("train", "--data", photos, "--out", trained, "--epochs", "3", "--batch-size", "8")
        status, out, _ = run(*command)
        assert status == 0
        assert "going on after epoch 3" in out
        assert json.loads((trained / "history.json").read_text()) == before

    def test_another_configuration_does_not_mix_into_a_run(self, trained, photos, run):
        command = ("train", "--data", photos, "--out", trained, "--batch-size", "8", "--epochs", "4")
        status, _, error = run(*command)
        assert status == 1
        assert "holds a run with other options" in error

    def test_eval_prints_chance_beside_each_figure(self, trained, photos, run):
        status, out, _ = run("eval", "--model", trained, "--data", photos, "--json")
        figures = json.loads(out)
        assert status == 0
        assert figures["photos0_zero_shot_top1_chance"] == 0.5
        assert figures["photos0_zero_shot_top1"] >= 0.9

    def test_export_and_verify(self, trained, tmp_path, run):
        bundle = tmp_path / "bundle"
        command = ("export", "--model", trained, "--out", bundle, "--formats", "onnx,tflite", "--json")
        status, out, _ = run(*command)
        assert status == 0
        assert {artifact["format"] for artifact in json.loads(out)["artifacts"]} == {"onnx", "tflite"}
        status, out, _ = run("verify", bundle, "--json")
        assert status == 0
        assert json.loads(out)["ok"] is True
        status, _, error = run(*command)
        assert status == 1
        assert "must not exist yet" in error
        content = bytearray((bundle / "image" / "model.onnx").read_bytes())
        content[len(content) // 2] ^= 1
        (bundle / "image" / "model.onnx").write_bytes(content)
        status, out, error = run("verify", bundle, "--json")
        assert status == 1
        assert json.loads(out)["ok"] is False
        assert "image/model.onnx" in error

    def test_another_keras_model_is_proven_with_a_file_of_samples(self, tmp_path, run):
        x = keras.Input((4,), name="x")
        keras.Model(x, {"y": keras.layers.Dense(3)(x)}).save(tmp_path / "model.keras")
        np.savez(tmp_path / "samples.npz", x=np.eye(4, dtype="float32"))
        command = (
            "export",
            "--model",
            tmp_path / "model.keras",
            "--out",
            tmp_path / "out",
            "--formats",
            "onnx, tflite",
        )
        status, _, error = run(*command, "--data", "digits")
        assert (status, "--data must go with a CLIP and its tokenizer" in error) == (1, True)
        status, _, error = run(*command, "--samples", tmp_path / "samples.npz")
        assert status == 0, error
        assert read_manifest(tmp_path / "out").samples == SamplesEntry(4, "real")

    def test_export_classifier(self, trained, photos, tmp_path, run):
        options = (
            "--template",
            "a photo of a {}",
            "--formats",
            "tflite",
            "--quantize",
            "int8",
            "--data",
            photos,
            "--json",
        )
        command = ("export-classifier", "--model", trained, "--out", tmp_path / "colours", *options)
        status, _, error = run(*command, "--labels", "red thing,red thing")
        assert (status, "labels must be given once each" in error) == (1, True)
        status, _, error = run(*command, "--labels", "no-such-file.txt")
        assert (status, "--labels must be a file that exists, or two labels or more" in error) == (1, True)
        status, _, error = run(*command, "--labels", "red thing,blue thing")
        assert status == 0, error
        manifest = read_manifest(tmp_path / "colours")
        assert [a.path for a in manifest.artifacts] == ["classifier/model.tflite", "classifier/model.int8.tflite"]
        assert all(artifact.metrics["top1"] >= 0.9 for artifact in manifest.artifacts)
        assert json.loads((tmp_path / "colours/labels.json").read_text())["labels"] == ["red thing", "blue thing"]


def test_quickstart_leaves_what_it_promises(tmp_path, run):
    command = ("quickstart", "--out", tmp_path / "bundle", "--run", tmp_path / "run", "--epochs", "1", "--json")
    status, out, _ = run(*command)
    assert status == 0
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    pairs = {(artifact["part"], artifact["format"]) for artifact in manifest["artifacts"]}
    assert pairs == {
        *((part, form) for part in ("image", "text") for form in ("saved_model", "tflite", "onnx")),
        *((part, "saved_model") for part in ("image_bytes", "text_strings")),
        ("text_strings", "onnx"),
    }
    names = ("digits_zero_shot_top1", "shapes_zero_shot_top1", "shapes_held_out_zero_shot_top1")
    assert all(0 < manifest["metrics"][name] <= 1 for name in names)
    first = json.loads(out)
    assert len(first["artifacts"]) == len(manifest["artifacts"]) == 9
    assert all(artifact["max_abs_diff"] <= 1e-4 for artifact in first["artifacts"])
    assert first["digits_zero_shot_top1_chance"] == pytest.approx(0.1)
    assert first["shapes_zero_shot_top1_chance"] == pytest.approx(1 / 144)
    for name in ("loss.png", "similarity.png", "gallery.png"):
        assert (tmp_path / "run" / name).stat().st_size > 1000
    assert "digits_zero_shot_top1" in (tmp_path / "bundle" / "README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--data", "nowhere", "--out", "run"), "digits, shapes or a folder, received 'nowhere'"),
        (("train", "--data", "empty", "--out", "run"), "is empty"),
        (
            ("train", "--data", "digits", "--out", "run", "--preset", "huge"),
            "preset must be one of tiny, small,",
        ),
        (("train", "--data", "digits", "--out", "run", "--loss", "hinge"), "softmax, sigmoid"),
        (("train", "--data", "digits", "--out", "other"), "holds other files"),
        (("train", "--data", "digits", "--out", "run", "--batch-size", "5000"), "at most the 1438"),
        (("train", "--data", "digits", "--out", "run", "--tokenizer", "none.json"), "none.json"),
        (("eval", "--model", "other", "--data", "digits"), "holds no model.keras"),
        (("eval", "--model", "none.keras", "--data", "digits"), r"must be a .keras file"),
        (("export", "--model", "none", "--out", "x"), "found nothing"),
        (("verify", "empty"), "manifest.json"),
    ],
)
def test_a_mistake_gets_one_sentence_and_changes_nothing(arguments, message, tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").touch()
    status, _, error = run(*arguments)
    assert status == 1
    assert message in error
    assert "Traceback" not in error
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "mine", "other"]


def test_help_answers_within_a_second_and_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['mmzoo', '--help']\n"
        "from mmzoo.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print(sorted({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)), file=sys.stderr)"
    )
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        seconds.append(time.perf_counter() - started)
        assert "quickstart" in result.stdout
        assert result.stderr.strip() == "[]"
    assert min(seconds) < 1


@pytest.mark.parametrize("command", ["quickstart", "train", "eval", "export", "verify"])
def test_every_command_has_help_with_an_example(command, run):
    status, out, _ = run(command, "--help")
    assert status == 0
    assert f"mmzoo {command}" in " ".join(out.split())
