"""What export can be asked for besides the formats."""

import keras
import numpy as np
import pytest

from mmzoo.bundle import Bundle, verify
from mmzoo.exporters import Gate, GateError, Limits, export, files
from mmzoo.exporters.parts import parts_of
from mmzoo.exporters.trace import trace_part
from mmzoo.metrics import classification_evaluation

STRICT = Limits(min_cosine=1.0, max_drop=0.0)


@pytest.fixture(scope="module")
def classifier() -> keras.Model:
    """Ten classes of pictures of 8 by 8; weights large enough to be worth quantizing."""
    keras.utils.set_random_seed(3)
    images = keras.Input((8, 8, 3), name="images")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    x = keras.layers.Dense(64, activation="relu", name="hidden")(x)
    x = keras.layers.Dense(10, kernel_initializer="random_normal")(x)
    return keras.Model(images, {"probabilities": keras.layers.Softmax()(x * 100)}, name="classifier")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)).astype("float32")


@pytest.fixture(scope="module")
def everything(classifier, images, tmp_path_factory):
    directory = tmp_path_factory.mktemp("options") / "all"
    labels = classifier.predict(images, verbose=0)["probabilities"].argmax(1)
    manifest = export(
        classifier,
        directory,
        ("tflite", "onnx"),
        quantize=("int8", "fp16"),
        samples={"images": images},
        evaluation=classification_evaluation(images, labels),
        gate=None,
        tflite_batch=2,
        external_data=True,
        layout="triton",
    )
    return directory, manifest


def test_every_precision_is_a_file_that_verifies(everything):
    directory, manifest = everything
    assert [(a.format, a.precision) for a in manifest.artifacts] == [
        (format, precision) for format in ("tflite", "onnx") for precision in ("fp32", "fp16", "int8")
    ]
    assert verify(directory).ok


@pytest.mark.parametrize(("precision", "share"), [("fp16", 0.75), ("int8", 0.6)])
def test_quantized_tflite_files_are_smaller(everything, precision, share):
    _, manifest = everything
    whole = manifest.artifact("model", "tflite").bytes
    assert manifest.artifact("model", "tflite", precision).bytes < share * whole


def test_each_precision_has_its_figures_on_the_evaluation_set(everything):
    directory, manifest = everything
    assert manifest.artifact("model", "onnx").metrics == {"top1": 1.0}
    assert {name for a in manifest.artifacts for name in a.metrics} == {"top1"}
    assert "## On the evaluation set" in (directory / "README.md").read_text()


def test_a_fixed_batch_is_recorded_and_any_number_of_rows_runs(everything, images):
    directory, manifest = everything
    assert {a.batch for a in manifest.artifacts if a.format == "tflite"} == {2}
    bundle = Bundle(directory)
    answers = [bundle.run("model", format, {"images": images[:5]})["probabilities"] for format in ("tflite", "onnx")]
    np.testing.assert_allclose(*answers, atol=1e-4)


def test_external_data_belongs_to_its_file(everything, tmp_path):
    directory, manifest = everything
    artifact = manifest.artifact("model", "onnx")
    assert artifact.files == ("model/model.onnx.data",)
    assert artifact.bytes == sum((directory / name).stat().st_size for name in artifact.paths)


def test_the_gate_refuses_with_the_figures_and_leaves_nothing(classifier, images, tmp_path):
    gate = Gate(int8=STRICT)
    with pytest.raises(GateError, match=r"int8 in format 'onnx' .* minimum cosine of 0\.9\d+ .* \(at least 1\)"):
        export(classifier, tmp_path / "x", ("onnx",), quantize="int8", samples={"images": images}, gate=gate)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantize": "int4"}, "quantize must be of fp16, int8, received 'int4'"),
        (
            {"quantize": "int8", "formats": ("saved_model",)},
            "quantize must be None without the formats tflite and onnx",
        ),
        ({"layout": "torchserve"}, "layout must be 'triton' or None, received 'torchserve'"),
        ({"layout": "triton", "formats": ("tflite",)}, "layout='triton' must go with the format onnx"),
        ({"tflite_batch": 0}, "tflite_batch must be at least 1 or None, received 0"),
    ],
)
def test_options_that_nothing_would_come_of_are_refused(classifier, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        export(classifier, tmp_path / "x", **options)


def test_an_int8_file_that_ignores_its_input_is_refused_however_near_it_is(tmp_path, monkeypatch):
    x = keras.Input((64,), name="x")
    kernel = keras.initializers.RandomNormal(0, 1e-2, seed=1)
    model = keras.Model(x, {"p": keras.layers.Dense(100, activation="softmax", kernel_initializer=kernel)(x)})

    def write_constant(source, target, precision):
        kernel = model.layers[1].kernel.numpy()
        model.layers[1].kernel.assign(np.zeros_like(kernel))
        files.write_tflite(trace_part("model", parts_of(model)["model"]), target)
        model.layers[1].kernel.assign(kernel)

    monkeypatch.setattr(files, "quantize_tflite", write_constant)
    with pytest.raises(GateError, match="int8 in format 'tflite' must tell samples apart"):
        export(model, tmp_path / "x", ("tflite",), quantize="int8")


def test_float16_values_that_only_a_gpu_would_show_as_infinite_are_refused(tmp_path):
    x = keras.Input((16,), name="x")
    big = keras.ops.exp(keras.ops.abs(keras.layers.Dense(64)(x)) + 12)
    model = keras.Model(x, {"y": keras.layers.Dense(8)(big)})
    with pytest.raises(GateError, match=r"fp16 in format 'onnx' must hold every value of part 'model', .* in .*Exp"):
        export(model, tmp_path / "x", ("onnx",), quantize="fp16")


def test_a_file_with_select_operations_is_kept_unproven_and_said_so(tmp_path):
    x = keras.Input((None, 4), name="x")
    model = keras.Model(x, {"y": keras.layers.LSTM(3)(x)})
    with pytest.warns(UserWarning, match=r"model/model.tflite needs a LiteRT with the Flex delegate"):
        manifest = export(model, tmp_path / "x", ("tflite", "onnx"), allow_flex=True)
    artifact = manifest.artifact("model", "tflite")
    assert (artifact.samples, artifact.max_abs_diff) == (0, None)
    assert artifact.needs == ("TensorFlow's select operations",)
    result = verify(tmp_path / "x")
    assert result.ok
    assert [bool(check.skipped) for check in result.artifacts] == [True, False]


def test_without_a_gate_the_manifest_says_what_it_would_have_refused(tmp_path):
    x = keras.Input((16,), name="x")
    big = keras.ops.exp(keras.ops.abs(keras.layers.Dense(64)(x)) + 12)
    model = keras.Model(x, {"y": keras.layers.Dense(8)(big)})
    manifest = export(model, tmp_path / "x", ("onnx",), quantize="fp16", gate=None)
    assert "must hold every value of part 'model'" in manifest.artifact("model", "onnx", "fp16").past_gate
    assert manifest.artifact("model", "onnx").past_gate == ""
    assert "kept with the gate off" in (tmp_path / "x/README.md").read_text()


def test_a_refusal_on_synthetic_samples_says_that_real_ones_may_do_better(classifier, tmp_path):
    with pytest.raises(
        GateError, match="judged on synthetic samples, which real ones given as samples= may treat better"
    ):
        export(classifier, tmp_path / "x", ("onnx",), quantize="int8", gate=Gate(int8=STRICT))


def test_an_input_without_a_name_keeps_the_one_it_is_given_after_saving_and_loading(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    names = [export(each, tmp_path / name, ("onnx",)).parts["model"] for name, each in (("a", model), ("b", loaded))]
    assert names[0] == names[1]
    assert names[0].inputs[0].name == "input"


def test_samples_without_names_are_refused_with_the_names(classifier, images, tmp_path):
    with pytest.raises(TypeError, match=r"samples must be \{input name: array\} for images, received ndarray"):
        export(classifier, tmp_path / "x", ("onnx",), samples=images)
