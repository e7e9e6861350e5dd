"""list and info, and --model with a checkpoint of another library."""

import dataclasses
import json
import resource
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import mmzoo
from mmzoo import Tokenizer, build_clip, list_presets
from mmzoo.bundle import read_manifest
from mmzoo.cli.runs import TrainConfig, read_config, write_json
from mmzoo.presets import find_preset


@pytest.fixture(scope="module")
def clip():
    keras.utils.set_random_seed(0)
    tokenizer = Tokenizer.train(["a photo of a red thing", "a photo of a blue thing"], 300)
    tiny = {"width": 16, "depth": 1, "num_heads": 2, "mlp_dim": None}
    siglip = find_preset("siglip_b_16_224")
    image = dataclasses.replace(siglip.image, image_size=16, patch_size=8, **tiny)
    text = dataclasses.replace(siglip.text, context_length=16, **tiny)
    return build_clip(dataclasses.replace(siglip, image=image, text=text, embed_dim=16), tokenizer=tokenizer)


@pytest.fixture(scope="module")
def checkpoint(clip, tmp_path_factory):
    """In the layout of transformers."""
    folder = tmp_path_factory.mktemp("checkpoints") / "clip"
    mmzoo.save_pretrained(clip, folder, format="hf")
    return folder


class TestList:
    def test_every_name_stands_whole_in_80_columns(self, run, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        status, out, _ = run("list")
        assert status == 0
        cells = {line.strip("│").split("│")[0].strip() for line in out.splitlines() if line.startswith("│")}
        assert cells == {row.name for row in list_presets()}
        assert max(map(len, out.splitlines())) <= 80
        assert "151.3 M" in out

    def test_json_is_the_rows(self, run):
        _, out, _ = run("list", "--json")
        assert json.loads(out)["presets"] == json.loads(json.dumps([dataclasses.asdict(row) for row in list_presets()]))

    @pytest.mark.parametrize("arguments", [["list"], ["info", "vit_b_32"]])
    def test_it_takes_less_than_a_second_of_the_processor_and_loads_nothing_heavy(self, arguments):
        code = (
            "import sys; from mmzoo.cli import main\n"
            "try:\n    main()\n"
            "finally:\n    print(sorted({'keras', 'tensorflow', 'jax', 'numpy'} & set(sys.modules)), file=sys.stderr)"
        )
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "vit_b_32" in result.stdout
        assert result.stderr.strip() == "[]"
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


class TestInfo:
    def test_of_a_preset(self, run, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        status, out, _ = run("info", "siglip_so400m_14_384")
        assert status == 0
        for text in (
            *("877,960,498", "sigmoid", "bicubic to 384, whatever the aspect ratio", "arXiv:2305.13035", "4304"),
            'mmzoo.build_clip("siglip_so400m_14_384", tokenizer=tokenizer)',
        ):
            assert text in out
        _, out, _ = run("info", "resnet_50")
        assert "shortest side to 256, centre 224" in out

    def test_of_a_preset_as_json(self, run):
        record = json.loads(run("info", "rn50", "--json")[1])
        assert (record["parameters"], record["image_projection"]) == (102_007_137, "affine")
        assert record["image"]["depths"] == [3, 4, 6, 3]
        assert record["text"]["width"] == 512
        assert record["preprocessing"]["fit"] == "crop"

    def test_a_wrong_name_gets_one_sentence_with_those_near_to_it(self, run):
        status, out, error = run("info", "vit-b-32")
        assert (status, out) == (1, "")
        assert "vit-b-32 is neither: did you mean vit_b_32" in error
        assert error.count("mmzoo: ") == 1

    def test_of_a_checkpoint_without_its_weights(self, checkpoint, clip, run, monkeypatch):
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setattr(mmzoo.pretrained.checkpoint.Checkpoint, "blocks", None)  # nothing may be read
        status, out, error = run("info", checkpoint)
        assert status == 0, error
        numbers = sum(int(np.prod(weight.shape)) for weight in clip.trainable_variables)
        for text in (
            "hf",
            f"{numbers:,} numbers in F32",
            f"{clip.tokenizer.vocab_size} tokens",
            "bicubic to 16",
            "sigmoid",
        ):
            assert text in out
        record = json.loads(run("info", checkpoint, "--json")[1])
        assert record["parameters"] == record["stored"]["F32"] == numbers
        assert record["sizes"]["image"]["patch_size"] == 8
        assert record["preprocessing"]["size"] == [16, 16]

    def test_of_a_checkpoint_it_says_what_stands_in(self, checkpoint, run, tmp_path, monkeypatch):
        monkeypatch.setenv("COLUMNS", "120")
        for name in ("config.json", "model.safetensors"):
            (tmp_path / name).write_bytes((checkpoint / name).read_bytes())
        status, out, error = run("info", tmp_path)
        assert status == 0, error
        assert out.count("not in the files: the family's") == 2

    def test_of_a_run(self, run, tmp_path):
        write_json(tmp_path / "config.json", {"options": dataclasses.asdict(TrainConfig(("digits",), epochs=2))})
        write_json(tmp_path / "history.json", {"loss": [2.0, 1.25]})
        _, out, _ = run("info", tmp_path)
        for text in ("digits", "tiny", "1.25", "not finished"):
            assert text in out
        (tmp_path / "model.keras").touch()
        record = json.loads(run("info", tmp_path, "--json")[1])
        assert record["finished"] is True
        assert record["last"] == {"loss": 1.25}


class TestModelOption:
    @pytest.fixture
    def photos(self, tmp_path):
        rng = np.random.default_rng(0)
        for name, channel in (("red_thing", 0), ("blue_thing", 2)):
            (tmp_path / "photos" / name).mkdir(parents=True)
            for index in range(8):
                pixels = rng.integers(0, 60, (20, 20, 3)).astype("uint8")
                pixels[..., channel] += 180
                Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
        return tmp_path / "photos"

    def test_export_takes_a_checkpoint(self, checkpoint, run, tmp_path):
        status, _, error = run(
            "export", "--model", checkpoint, "--out", tmp_path / "x", "--formats", "onnx", "--no-raw"
        )
        assert status == 0, error
        assert {artifact.part for artifact in read_manifest(tmp_path / "x").artifacts} == {"image", "text"}

    def test_train_goes_on_from_a_checkpoint_and_eval_measures_it(self, checkpoint, photos, run, tmp_path):
        out = tmp_path / "run"
        command = ("train", "--data", photos, "--model", checkpoint, "--out", out, "--epochs", "1", "--batch-size", "4")
        status, _, error = run(*command, "--json")
        assert status == 0, error
        assert read_config(out).model == str(checkpoint)
        assert mmzoo.load(out / "model.keras").image_size == (16, 16)
        status, text, error = run("eval", "--model", checkpoint, "--data", photos, "--json")
        assert status == 0, error
        assert json.loads(text)["photos_zero_shot_top1_chance"] == 0.5

    def test_a_repository_s_name_arrives_whole(self, clip, run, tmp_path, monkeypatch):
        received = []
        monkeypatch.setattr(mmzoo, "from_pretrained", lambda source: received.append(source) or clip)
        status, _, error = run("eval", "--model", "hf://owner/name@main", "--data", "digits", "--limit", "20")
        assert (status, received) == (0, ["hf://owner/name@main"]), error

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("train", "--model", "hf://a/b", "--preset", "tiny", "--out", "run"), "must be left out with --model"),
            (("train", "--model", "nothing", "--out", "run"), "found nothing there"),
            (("train", "--preset", "vit_b32", "--out", "run"), "did you mean vit_b_32"),
            (("eval", "--model", "dense.keras"), "received dense.keras with another model, of the class Functional"),
        ],
    )
    def test_a_mistake_gets_one_sentence(self, arguments, message, run, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        x = keras.Input((2,))
        keras.Model(x, keras.layers.Dense(1)(x)).save("dense.keras")
        status, _, error = run(*arguments, "--data", "digits")
        assert status == 1
        assert message in error
        assert not (tmp_path / "run").exists()

    def test_a_run_that_an_earlier_version_began_goes_on(self, tmp_path):
        options = dataclasses.asdict(TrainConfig(("digits",)))
        del options["model"]
        write_json(tmp_path / "config.json", {"options": options})
        assert read_config(tmp_path) == TrainConfig(("digits",))
