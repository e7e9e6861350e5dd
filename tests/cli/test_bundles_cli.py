"""verify, bench, info and export's options on the command line, on a bundle that export wrote."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import mmzoo
from mmzoo import Tokenizer, build_clip, build_convnet, build_text_transformer, data
from mmzoo.bundle import read_manifest
from mmzoo.bundle.manifest import write_manifest
from mmzoo.checksums import list_files
from mmzoo.cli.evaluation import evaluate
from mmzoo.cli.exporting import gate_evaluation

RUNTIMES = ("onnxruntime", "ai_edge_litert.interpreter", "tensorflow")


@pytest.fixture(scope="module")
def clip():
    tokenizer = Tokenizer.train(["a handwritten 3", "数字七"], 300)
    image = build_convnet(image_size=16, widths=(4, 8))
    text = build_text_transformer(
        vocab_size=tokenizer.vocab_size, context_length=8, width=8, depth=1, num_heads=1, end_id=tokenizer.end_id
    )
    return build_clip(image_encoder=image, text_encoder=text, embed_dim=4, tokenizer=tokenizer)


@pytest.fixture(scope="module")
def bundle(clip, tmp_path_factory):
    directory = tmp_path_factory.mktemp("exports") / "clip"
    mmzoo.export(clip, directory, raw=False, metrics={"top1": 0.75, "top1_chance": 0.1})
    return directory


class TestVerify:
    def test_one_flipped_bit_anywhere_in_an_export_names_the_file(self, bundle, run, monkeypatch):
        names = list_files(bundle)
        assert {"SHA256SUMS", "README.md", "manifest.json", "samples.npz", "tokenizer.json"} < set(names)
        assert any(name.startswith("saved_model/1/variables/") for name in names)
        for module in RUNTIMES:  # the hashes alone must tell
            monkeypatch.setitem(sys.modules, module, None)
        generator = np.random.default_rng(0)
        for name in names:
            original = (bundle / name).read_bytes()
            content = bytearray(original)
            if content:
                content[generator.integers(len(content))] ^= 1 << generator.integers(8)
            else:
                content += b"\0"
            (bundle / name).write_bytes(content)
            status, out, error = run("verify", bundle, "--json")
            (bundle / name).write_bytes(original)
            assert status == 1
            assert [problem.partition(":")[0] for problem in json.loads(out)["problems"]] == [name]
            assert f"mmzoo: {name}: " in error
        assert run("verify", bundle)[0] == 0

    @pytest.mark.parametrize("command", ["verify", "info", "bench"])
    def test_what_is_no_bundle_gets_one_sentence_with_its_path_and_no_table(self, command, run, tmp_path):
        (tmp_path / "empty").mkdir()
        for path in (tmp_path / "empty", tmp_path / "absent"):
            status, out, error = run(command, path)
            assert status == 1
            assert str(path) in error
            assert error.count("mmzoo: ") == 1
            assert "Traceback" not in error
            assert "━" not in out


class TestInfo:
    def test_it_says_what_a_bundle_holds(self, bundle, run, monkeypatch):
        monkeypatch.setenv("COLUMNS", "100")
        manifest = read_manifest(bundle)
        status, out, _ = run("info", bundle)
        assert status == 0
        for artifact in manifest.artifacts:
            assert artifact.path in out
        for text in ("images", "image_embeds", "(batch, 16, 16, 3)", "uint8", "0 to 255", "0.75", "0.1", "synthetic"):
            assert text in out
        assert f"mmzoo {mmzoo.__version__}" in out

    def test_json_is_the_manifest(self, bundle, run):
        _, out, _ = run("info", bundle, "--json")
        assert json.loads(out) == json.loads((bundle / "manifest.json").read_text())

    def test_it_says_what_a_loader_must_know(self, bundle, run, tmp_path, monkeypatch):
        monkeypatch.setenv("COLUMNS", "200")
        manifest = read_manifest(bundle)
        changed = dataclasses.replace(
            manifest.artifacts[0],
            files=("image/model.onnx.data",),
            needs=("onnxruntime-extensions",),
            batch=2,
            differs_on=("control characters",),
            metrics={"top1": 0.7, "top1_chance": 0.1},
        )
        write_manifest(dataclasses.replace(manifest, artifacts=(changed,)), tmp_path)
        _, out, _ = run("info", tmp_path)
        for sentence in (
            "cannot be loaded without image/model.onnx.data",
            "needs onnxruntime-extensions",
            "takes 2 samples a call",
            "gives other token ids than tokenizer.json on control characters",
        ):
            assert f"{changed.path} ({changed.part}) {sentence}\n" in out
        rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in out.splitlines() if "│ top1" in line]
        form = f"{changed.format} {changed.precision}"
        assert rows == [["top1", "the model", "0.75", "0.1"], ["top1", form, "0.7", "0.1"]]

    @pytest.mark.parametrize("columns", ["80", "50"])
    def test_a_narrow_terminal_loses_no_character_of_a_path(self, columns, run, bundle, monkeypatch):
        monkeypatch.setenv("COLUMNS", columns)
        _, out, _ = run("info", bundle)
        assert "…" not in out
        rows = [line.strip("│").split("│") for line in out.splitlines() if line.startswith("│")]
        written = "".join(row[1].strip() for row in rows if len(row) == 5)
        assert all(artifact.path in written for artifact in read_manifest(bundle).artifacts)


class TestBench:
    QUICK = ("--seconds", "0.01", "--batch", "1,2", "--threads", "1", "--part", "image", "--format", "onnx,tflite")

    def test_a_table_and_a_picture(self, bundle, run, tmp_path, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        status, out, _ = run("bench", bundle, *self.QUICK, "--png", tmp_path / "costs.png")
        assert status == 0
        for text in ("image/model.onnx", "image/model.tflite", "p50 ms", "p99 ms", "peak MB", "with 1 thread"):
            assert text in out
        assert "saved_model" not in out
        with Image.open(tmp_path / "costs.png") as picture:
            assert picture.format == "PNG"
            assert picture.width > 500

    def test_json_has_every_timing(self, bundle, run):
        _, out, error = run("bench", bundle, *self.QUICK, "--json")
        record = json.loads(out)
        assert [artifact["path"] for artifact in record["artifacts"]] == ["image/model.tflite", "image/model.onnx"]
        for artifact in record["artifacts"]:
            assert [(timing["threads"], timing["batch"]) for timing in artifact["timings"]] == [(1, 1), (1, 2)]
        assert "measuring" in error

    def test_markdown_has_a_row_a_file_and_nothing_but_the_table_and_its_conditions(self, bundle, run):
        _, out, _ = run("bench", bundle, *self.QUICK, "--markdown")
        lines = out.splitlines()
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
        assert cells[0] == ["part", "file", "MB", "latency (ms)", "peak memory (MB)", "minimum cosine"]
        assert [row[1] for row in cells[2:]] == ["image/model.tflite", "image/model.onnx"]
        assert cells[3][2] == f"{(bundle / 'image/model.onnx').stat().st_size / 1e6:.1f}"
        assert len(lines) == len(cells) + 2
        assert lines[-1].startswith("Median latency with 1 thread on ")

    def test_without_any_runtime_it_fails_and_says_what_to_install(self, bundle, run, tmp_path, monkeypatch):
        (tmp_path / "onnxruntime.py").write_text("raise ImportError")
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        status, _, error = run("bench", bundle, "--seconds", "0.01", "--batch", "1", "--format", "onnx")
        assert status == 1
        assert "none of the files could be measured" in error
        assert "pip install onnxruntime" in error

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("--json", "--markdown"), "one form, received both --json and --markdown"),
            (("--batch", "1,two"), "--batch must be whole numbers with commas between them, received '1,two'"),
            (("--threads", "0"), "threads must be whole numbers of at least 1"),
            (("--part", "audio"), "part must be one the bundle holds"),
            (("--format", "coreml"), "format must be one the bundle holds"),
            (("--png", "nowhere/costs.png"), "--png must be a file in a directory that exists"),
        ],
    )
    def test_a_mistake_gets_one_sentence(self, bundle, run, options, message):
        status, _, error = run("bench", bundle, *options)
        assert status == 1
        assert message in error
        assert "Traceback" not in error

    def test_the_picture_does_not_go_into_the_bundle(self, bundle, run):
        status, _, error = run("bench", bundle, "--png", bundle / "image" / "costs.png")
        assert status == 1
        assert "--png must lie outside the bundle" in error
        assert not (bundle / "image" / "costs.png").exists()


class TestExport:
    @pytest.mark.parametrize("labelled", [True, False])
    def test_the_gate_measures_what_evaluate_measures(self, clip, labelled):
        pairs = data.digits("test").subset(range(60))
        if not labelled:
            pairs = dataclasses.replace(pairs, labels=None, label_names=())
        evaluation = gate_evaluation(clip, pairs)
        outputs = {
            "image_embeds": clip.encode_image(evaluation.inputs["images"]),
            "text_embeds": clip.text_tower.predict({"token_ids": evaluation.inputs["token_ids"]}, verbose=0)[
                "text_embeds"
            ],
        }
        figures = {figure.name: figure.value for figure in evaluate(clip, pairs)}
        found = evaluation.score(outputs)
        assert found == pytest.approx({name: figures[name] for name in found}, abs=1e-9)
        assert set(found) == ({"zero_shot_top1"} if labelled else {"recall@1_i2t", "recall@1_t2i"})

    def test_its_options_arrive(self, clip, bundle, run, tmp_path, monkeypatch):
        received = {}

        def export(model, directory, formats, **options):
            received.update(options, formats=formats)
            return read_manifest(bundle)

        monkeypatch.setattr(mmzoo, "export", export)
        clip.save(tmp_path / "clip.keras")
        command = ("export", "--model", tmp_path / "clip.keras", "--out", tmp_path / "x", "--data", "digits")
        flags = "--formats onnx,tflite --quantize int8,fp16 --layout triton --tflite-batch 1 --no-raw --allow-flex"
        assert run(*command, *flags.split(), "--external-data", "--allow-token-differences")[0] == 0
        expected = {
            "formats": ("onnx", "tflite"),
            "quantize": ("int8", "fp16"),
            "layout": "triton",
            "tflite_batch": 1,
            "raw": False,
            "allow_flex": True,
            "external_data": True,
            "allow_token_differences": True,
            "overwrite": False,
        }
        assert {name: received[name] for name in expected} == expected
        assert received["gate"].int8.max_drop == 0.005
        assert received["evaluation"].outputs == ("image_embeds", "text_embeds")
        assert len(received["samples"]["images"]) == 64
        assert run(*command[:5], "--quantize", "int8", "--no-gate")[0] == 0
        assert received["gate"] is None
        assert received["quantize"] == ("int8",)

    def test_cheap_mistakes_are_found_before_keras_is_loaded(self, bundle, tmp_path):
        (tmp_path / "run").mkdir()
        (tmp_path / "run/model.keras").touch()
        (tmp_path / "other").mkdir()
        (tmp_path / "other/mine").touch()
        good = ["--model", str(tmp_path / "run"), "--out", str(tmp_path / "new")]
        mistakes = [
            ([*good, "--formats", "onnx,coreml"], "--formats must be saved_model or tflite or onnx"),
            ([*good, "--quantize", "int4"], "--quantize must be fp16 or int8"),
            ([*good, "--quantize", "int8", "--formats", "saved_model"], "--quantize must go with the format"),
            ([*good, "--layout", "triton", "--formats", "tflite"], "--layout triton must go with the format onnx"),
            ([*good, "--layout", "torchserve"], "--layout must be triton"),
            ([*good, "--data", "nowhere"], "which does not exist"),
            (["--model", str(tmp_path / "run"), "--out", str(bundle)], "--overwrite replaces an earlier bundle"),
            (["--model", str(tmp_path / "run"), "--out", str(tmp_path / "other"), "--overwrite"], "nothing else"),
            (["--model", str(tmp_path / "other"), "--out", str(tmp_path / "new")], "holds no model.keras"),
            (["--model", str(tmp_path / "none"), "--out", str(tmp_path / "new")], "found nothing"),
        ]
        code = f"""
import sys
from mmzoo.cli import main
for options, message in {mistakes!r}:
    sys.argv = ["mmzoo", "export", *options]
    try:
        main()
    except SystemExit as ending:
        assert isinstance(ending.code, str) and message in ending.code, (ending.code, message)
    else:
        raise AssertionError(options)
assert not {{"keras", "tensorflow"}} & set(sys.modules)
"""
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("command", ["bench", "info"])
def test_every_command_has_help_with_an_example(command, run):
    status, out, _ = run(command, "--help")
    assert status == 0
    assert f"mmzoo {command} exports/" in " ".join(out.split())
