import sys
import threading

import numpy as np
import pytest

from mmzoo.bundle import Bundle, PartEntry, open_onnx, open_saved_model, open_tflite
from mmzoo.signature import TensorSpec

OFFSET = np.array([0, 1, 2], "float32")
DOUBLE = PartEntry("double", (TensorSpec("x", (None, 3), "float32"),), (TensorSpec("y", (None, 3), "float32"),))
FORMATS = {
    "onnx": (open_onnx, "double/model.onnx", "onnxruntime"),
    "tflite": (open_tflite, "double/model.tflite", "ai_edge_litert.interpreter"),
    "saved_model": (open_saved_model, "saved_model/1", "tensorflow"),
}


@pytest.fixture(params=FORMATS)
def run(request, written):
    opener, path, _ = FORMATS[request.param]
    return opener(written / path, DOUBLE)


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_any_batch_size_runs_by_name(run, batch):
    x = np.arange(batch * 3, dtype="float32").reshape(batch, 3)
    outputs = run({"x": x})
    assert list(outputs) == ["y"]
    np.testing.assert_array_equal(outputs["y"], 2 * x + OFFSET)


def test_a_column_major_array_runs(run):
    x = np.asfortranarray(np.arange(6, dtype="float32").reshape(2, 3))
    np.testing.assert_array_equal(run({"x": x})["y"], 2 * x + OFFSET)


def test_answers_stay_when_the_runner_is_called_again(run):
    first = run({"x": np.ones((1, 3), "float32")})["y"]
    run({"x": np.full((1, 3), 9, "float32")})
    np.testing.assert_array_equal(first, 2 + OFFSET[None])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"z": np.ones((1, 3), "float32")}, "inputs must be x, received z"),
        ({}, "inputs must be x, received none"),
        ({"x": np.ones((1, 3))}, "x must have dtype float32, received float64"),
        ({"x": [[1.0, 2.0, 3.0]]}, "x must be a numpy array, received list"),
        ({"x": np.ones((1, 4), "float32")}, r"x must have shape \(batch, 3\), received \(1, 4\)"),
        ({"x": np.ones(3, "float32")}, r"x must have shape \(batch, 3\), received \(3,\)"),
        ({"x": np.ones((0, 3), "float32")}, r"one batch size, at least 1, received \[0\]"),
    ],
)
def test_wrong_inputs_are_refused_in_one_sentence(run, inputs, message):
    with pytest.raises(ValueError, match=f"^[^\n]*{message}[^\n]*$"):
        run(inputs)


def test_eight_threads_get_their_own_answers(run):
    wrong = []

    def ask(tag):
        for i in range(100):
            x = np.full((1 + i % 3, 3), tag * 1000 + i, "float32")
            if not np.array_equal(run({"x": x})["y"], 2 * x + OFFSET):
                wrong.append(tag)

    threads = [threading.Thread(target=ask, args=(tag,)) for tag in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("name", FORMATS)
def test_a_missing_runtime_is_named(name, written, monkeypatch):
    opener, path, module = FORMATS[name]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match="is missing: pip install"):
        opener(written / path, DOUBLE)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_no_model_is_refused_in_one_sentence(name, written, tmp_path):
    (tmp_path / "model").write_bytes(b"no model") if name != "saved_model" else (tmp_path / "model").mkdir()
    with pytest.raises(ValueError, match=r"^model must be a[^\n]*refuses it[^\n]*$"):
        FORMATS[name][0](tmp_path / "model", DOUBLE)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_at_the_path_is_refused(name, written, tmp_path):
    with pytest.raises(FileNotFoundError, match="found nothing there"):
        FORMATS[name][0](tmp_path / "absent", DOUBLE)


@pytest.mark.parametrize("name", FORMATS)
def test_a_model_of_other_outputs_is_refused(name, written):
    opener, path, _ = FORMATS[name]
    other = PartEntry("double", DOUBLE.inputs, (TensorSpec("z", (None, 3), "float32"),))
    with pytest.raises(ValueError, match="must have the outputs z, found y"):
        opener(written / path, other)


@pytest.mark.parametrize("name", ["tflite", "saved_model"])
def test_a_model_without_the_part_s_signature_is_refused(name, written):
    opener, path, _ = FORMATS[name]
    with pytest.raises(ValueError, match=r"must have the signature 'triple', found \['double'"):
        opener(written / path, PartEntry("triple", DOUBLE.inputs, DOUBLE.outputs))


def test_inputs_of_two_batch_sizes_are_refused():
    from mmzoo.bundle.runners import check_inputs

    part = PartEntry("p", (TensorSpec("a", (None, 1), "int32"), TensorSpec("b", (None,), "int32")), ())
    with pytest.raises(ValueError, match=r"one batch size, at least 1, received \[1, 2\]"):
        check_inputs(part, {"a": np.ones((1, 1), "int32"), "b": np.ones(2, "int32")})


def test_an_opened_bundle_runs_each_of_its_artifacts(written):
    bundle = Bundle(written)
    assert bundle.manifest.model == "doubler"
    for format in FORMATS:
        np.testing.assert_array_equal(
            bundle.run("double", format, {"x": np.zeros((2, 3), "float32")})["y"], [OFFSET] * 2
        )
    with pytest.raises(ValueError, match="received double/onnx/int8"):
        bundle.run("double", "onnx", {}, precision="int8")
