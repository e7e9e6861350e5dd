import dataclasses
import json
import re
import warnings

import keras
import numpy as np
import pytest
from keras import layers

from mmzoo.bundle import Bundle, read_manifest, verify
from mmzoo.checksums import list_files
from mmzoo.exporters import ParityError, export

FORMATS = ("saved_model", "tflite", "onnx")


def test_the_bundle_holds_what_the_design_says_and_nothing_else(exported):
    names = [re.sub("saved_model/1/.*", "saved_model/1", name) for name in list_files(exported)]
    assert sorted(set(names)) == sorted(
        [
            "manifest.json",
            "SHA256SUMS",
            "README.md",
            "tokenizer.json",
            "preprocessing.json",
            "samples.npz",
            "saved_model/1",
        ]
        + [f"{part}/model.{suffix}" for part in ("image", "text") for suffix in ("onnx", "tflite")]
    )


def test_the_bundle_verifies(exported):
    result = verify(exported)
    assert result.ok
    assert len(result.artifacts) == 6


def test_the_manifest_states_names_shapes_and_declared_dtypes(exported):
    parts = json.loads((exported / "manifest.json").read_text())["parts"]
    assert parts["image"] == {
        "inputs": [{"name": "images", "shape": [None, 8, 8, 3], "dtype": "uint8", "range": [0, 255]}],
        "outputs": [{"name": "image_embeds", "shape": [None, 5], "dtype": "float32"}],
    }
    assert parts["text"]["inputs"] == [{"name": "token_ids", "shape": [None, 7], "dtype": "int32", "range": [0, 599]}]


def test_the_manifest_states_origin_samples_metrics_and_parity(exported):
    manifest = read_manifest(exported)
    assert manifest.model == "two_towers"
    assert {"mmzoo", "keras", "tensorflow", "onnx", "tf2onnx", "onnxruntime", "ai-edge-litert"} == set(
        manifest.created_by
    )
    assert dataclasses.astuple(manifest.samples) == (5, "real")
    assert manifest.metrics == {"top1": 0.75, "top1_chance": 0.1, "images": 8}
    assert sorted((a.part, a.format) for a in manifest.artifacts) == sorted(
        (part, format) for part in ("image", "text") for format in FORMATS
    )
    for artifact in manifest.artifacts:
        assert artifact.precision == "fp32"
        assert artifact.max_abs_diff <= 1e-6
        assert artifact.min_cosine >= 0.999999
        assert artifact.samples == 5


def test_golden_samples_are_the_given_ones_and_the_keras_model_s_answers(exported, samples, two_towers):
    with np.load(exported / "samples.npz") as arrays:
        np.testing.assert_array_equal(arrays["image/inputs/images"], samples["images"])
        assert arrays["text/inputs/token_ids"].dtype == "int32"
        expected = two_towers.image_tower.predict({"images": samples["images"]}, verbose=0)["image_embeds"]
        np.testing.assert_allclose(arrays["image/outputs/image_embeds"], expected, atol=1e-6)


@pytest.mark.parametrize("format", FORMATS)
def test_pictures_other_than_the_samples_get_the_keras_model_s_answers(exported, two_towers, format):
    images = np.random.default_rng(9).integers(0, 256, (4, 8, 8, 3)).astype("uint8")
    expected = two_towers.image_tower.predict({"images": images}, verbose=0)["image_embeds"]
    actual = Bundle(exported).run("image", format, {"images": images})["image_embeds"]
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_the_tokenizer_and_the_preprocessing_are_the_model_s(exported):
    assert json.loads((exported / "tokenizer.json").read_text()) == {"version": "1.0"}
    assert json.loads((exported / "preprocessing.json").read_text()) == {"size": [8, 8]}


def test_the_card_s_snippets_run(exported, monkeypatch, capsys):
    snippets = re.findall("```python\n(.*?)```", (exported / "README.md").read_text(), re.DOTALL)
    assert len(snippets) == 3
    monkeypatch.chdir(exported)
    for snippet in snippets:
        assert len(snippet.splitlines()) <= 6
        exec(compile(snippet, "README.md", "exec"), {})
    assert capsys.readouterr().out == "(5, 5)\n" * 3


def test_the_card_tells_names_sizes_parity_metrics_and_versions(exported):
    text = (exported / "README.md").read_text()
    for fragment in (
        "`token_ids` | (batch, 7) | int32 | 0 to 599",
        "`image/model.tflite`",
        "5 real samples",
        "| `top1` | 0.75 | 0.1 |",
    ):
        assert fragment in text
    assert f"keras {keras.__version__}" in text


def test_no_file_names_a_place_on_this_machine(exported):
    place = str(exported.parent).encode()
    assert not [name for name in list_files(exported) if place in (exported / name).read_bytes()]


def test_exporting_says_nothing_and_warns_of_nothing(small, tmp_path, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export(small, tmp_path / "x")
    assert capfd.readouterr() == ("", "")


def test_any_functional_model_is_one_part_with_seeded_synthetic_samples(small, tmp_path):
    first, second = (export(small, tmp_path / name, ("onnx",)) for name in "ab")
    assert list(first.parts) == ["model"]
    assert dataclasses.astuple(first.samples) == (8, "synthetic")
    with np.load(tmp_path / "a/samples.npz") as a, np.load(tmp_path / "b/samples.npz") as b:
        np.testing.assert_array_equal(a["model/inputs/x"], b["model/inputs/x"])
    assert second.artifacts[0].path == "model/model.onnx"


@pytest.mark.parametrize("format", FORMATS)
def test_a_single_format_writes_that_format_alone(small, tmp_path, format):
    export(small, tmp_path / "x", [format])
    names = {name.partition("/")[0] for name in list_files(tmp_path / "x")}
    folder = {"saved_model"} if format == "saved_model" else {"model"}
    assert names == folder | {"manifest.json", "SHA256SUMS", "README.md", "samples.npz"}
    assert verify(tmp_path / "x").ok


def test_several_inputs_and_outputs_keep_their_names_in_every_format(tmp_path):
    # Alphabetical order is another than the model's: an exporter that goes by position swaps them.
    b, a = keras.Input((3,), name="b"), keras.Input((3,), name="a")
    model = keras.Model([b, a], {"z": layers.Dense(2)(b), "c": layers.Dense(2)(a)})
    export(model, tmp_path / "x")
    feed = {"a": np.eye(3, dtype="float32"), "b": np.full((3, 3), 2, "float32")}
    expected = model([feed["b"], feed["a"]])
    for format in FORMATS:
        outputs = Bundle(tmp_path / "x").run("model", format, feed)
        for name in "zc":
            np.testing.assert_allclose(outputs[name], expected[name], atol=1e-6)


def test_one_sample_is_enough(small, tmp_path):
    manifest = export(small, tmp_path / "x", ("onnx",), samples={"x": np.ones((1, 4), "float32")})
    assert manifest.samples.count == 1


def test_a_mixed_precision_model_is_exported_in_float32_and_left_as_it_was(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    x = keras.Input((4,), name="x")
    model = keras.Model(x, {"y": layers.Dense(3, activation="gelu")(x)})
    manifest = export(model, tmp_path / "x")
    assert manifest.parts["model"].outputs[0].dtype == "float32"
    assert max(artifact.max_abs_diff for artifact in manifest.artifacts) <= 1e-6
    assert model.layers[1].compute_dtype == "bfloat16"


def test_dropout_and_noise_are_off(tmp_path):
    x = keras.Input((4,), name="x")
    model = keras.Model(x, {"y": layers.Dropout(0.5)(layers.GaussianNoise(1.0)(layers.Dense(3)(x)))})
    assert max(artifact.max_abs_diff for artifact in export(model, tmp_path / "x").artifacts) <= 1e-6


def test_an_artifact_that_differs_is_an_error_and_leaves_nothing(small, tmp_path, monkeypatch):
    import mmzoo.exporters.files as files

    def write_another_model(trace, path, **options):
        small.set_weights([weight + 0.01 for weight in small.get_weights()])
        return written(trace, path, **options)

    written = files.write_onnx
    monkeypatch.setattr(files, "write_onnx", write_another_model)
    # Initializers are read from the model when the file is written, the golden answers before.
    small.layers[1].kernel.assign([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    figures = r"max abs diff 0\.0\d+ \(at most 0\.0001 \+ 0\.0001 of the largest value\) and minimum cosine 0\.99\d+ \(at least 0\.99999\)"
    with pytest.raises(ParityError, match=f"^part 'model' in format 'onnx' must answer [^\n]* {figures}$"):
        export(small, tmp_path / "x", ("onnx",), samples={"x": np.eye(4, dtype="float32")})
    assert list(tmp_path.iterdir()) == []


def test_the_bars_are_the_caller_s(tmp_path):
    x = keras.Input((300,), name="x")
    model = keras.Model(x, {"y": layers.Dense(50, kernel_initializer="random_normal")(x * 1e4)})
    with pytest.raises(ParityError, match="at most 1e-09"):
        export(model, tmp_path / "x", ("tflite",), atol=1e-9, rtol=0)
    export(model, tmp_path / "x", ("tflite",), atol=1e-9, rtol=1e-3)


def test_a_model_that_gives_nan_is_refused(tmp_path):
    x = keras.Input((4,), name="x")
    model = keras.Model(x, {"y": keras.ops.log(layers.Dense(3)(x) - 100)})
    with pytest.raises(ValueError, match="output y of the Keras model must be finite on the samples"):
        export(model, tmp_path / "x", ("onnx",))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("formats", ["onnx", ("onnx", "coreml"), ()])
def test_unknown_formats_are_refused_with_the_known_ones(small, tmp_path, formats):
    with pytest.raises(ValueError, match="formats must be a sequence of saved_model, tflite, onnx, received"):
        export(small, tmp_path / "x", formats)


def test_metrics_must_be_finite(small, tmp_path):
    with pytest.raises(ValueError, match="metrics must be finite, received loss=nan"):
        export(small, tmp_path / "x", metrics={"loss": float("nan")})


def test_overwriting_loses_no_file_that_export_did_not_write(small, tmp_path):
    export(small, tmp_path / "x", formats=("onnx",))
    export(small, tmp_path / "x", formats=("onnx",), overwrite=True)
    (tmp_path / "x/notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="hold nothing else"):
        export(small, tmp_path / "x", formats=("onnx",), overwrite=True)
    assert (tmp_path / "x/notes.txt").read_text() == "mine"


def test_an_existing_directory_is_refused_and_untouched(small, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x/mine").write_text("mine")
    with pytest.raises(FileExistsError, match="must not exist yet"):
        export(small, tmp_path / "x")
    with pytest.raises(FileExistsError, match="must be what was written here earlier"):
        export(small, tmp_path / "x", overwrite=True)
    assert list_files(tmp_path) == ["x/mine"]


def test_overwrite_replaces_an_earlier_export_once_the_new_one_is_whole(small, tmp_path):
    export(small, tmp_path / "x", ("onnx",))
    before = (tmp_path / "x/model/model.onnx").read_bytes()
    with pytest.raises(ParityError):
        export(small, tmp_path / "x", ("tflite",), atol=-1.0, overwrite=True)
    assert (tmp_path / "x/model/model.onnx").read_bytes() == before
    export(small, tmp_path / "x", ("tflite",), overwrite=True)
    assert verify(tmp_path / "x").ok
    assert not (tmp_path / "x/model/model.onnx").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
