import json
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from mmzoo.bundle import measure
from mmzoo.bundle.measuring import rounds
from mmzoo.bundle.measuring.figures import summarize
from mmzoo.checksums import list_files, write_sums

QUICK = {"batches": (1,), "threads": (1,), "seconds": 0.02}


@pytest.fixture
def copy(light, tmp_path) -> Path:
    return Path(shutil.copytree(light, tmp_path / "copy"))


def edit_artifact(directory, which, **fields):
    manifest = json.loads((directory / "manifest.json").read_text())
    for artifact in manifest["artifacts"]:
        if artifact["format"] == which:
            artifact |= fields
    (directory / "manifest.json").write_text(json.dumps(manifest))


def write_heavy(directory, megabytes):
    """In place of double/model.onnx: y = 2 x by a matrix of so many megabytes, ones summed up again."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    columns = megabytes * 250_000 // 3
    weights = np.full((3, columns), 1 / columns, "float32")
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "weights"], ["wide"]),
            helper.make_node("ReduceSum", ["wide", "axes"], ["sum"], keepdims=1),
            helper.make_node("Add", ["x", "sum"], ["y"]),
        ],
        "heavy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([1]), "axes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(directory / "double/model.onnx"))


def test_percentiles_and_throughput_by_hand():
    timing = summarize([call / 1000 for call in range(200, 0, -1)], threads=2, batch=8, peak_bytes=5)
    assert (timing.p50, timing.p99, timing.calls) == (0.1, 0.198, 200)
    assert timing.per_second == pytest.approx(8 * 200 / 20.1)


def test_p99_of_few_calls_is_the_slowest():
    assert summarize([0.3, 0.1, 0.2], threads=1, batch=1, peak_bytes=0).p99 == 0.3


def test_every_file_is_measured_at_every_batch_and_number_of_threads(light):
    result = measure(light, batches=(4, 1), threads=(2, 1), seconds=0.05)
    assert result.model == "doubler"
    assert [measured.artifact.format for measured in result.artifacts] == ["tflite", "onnx"]
    for measured in result.artifacts:
        assert measured.skipped is None
        cases = [(timing.threads, timing.batch) for timing in measured.timings]
        assert cases == [(1, 1), (1, 4), (2, 1), (2, 4)]
        assert [(timing.threads, timing.batch) for timing in measured.singles()] == [(1, 1), (2, 1)]
        for timing in measured.timings:
            assert 0 < timing.p50 <= timing.p99 < 1
            assert timing.calls * timing.batch / timing.per_second >= 0.05


def test_measuring_writes_nothing_into_the_bundle(light):
    before = {name: (light / name).stat().st_mtime_ns for name in list_files(light)}
    measure(light, **QUICK)
    assert {name: (light / name).stat().st_mtime_ns for name in list_files(light)} == before


def test_a_saved_model_is_measured_in_tensorflow(written):
    (measured,) = measure(written, formats=["saved_model"], **QUICK).artifacts
    assert measured.skipped is None
    assert measured.timings[0].calls >= rounds.ROUNDS


def test_peak_memory_is_the_file_s_own_whatever_its_neighbours_and_the_parent_hold(copy):
    write_heavy(copy, megabytes=60)
    write_sums(copy)
    held_by_the_parent = np.ones(50_000_000)
    peaks = {measured.artifact.format: measured.timings[0].peak_bytes for measured in measure(copy, **QUICK).artifacts}
    assert held_by_the_parent.all()
    assert peaks["onnx"] >= 60e6
    assert peaks["tflite"] < 30e6


def test_a_file_that_takes_strings_is_measured(lengths):
    (measured,) = measure(lengths, batches=(1, 8), threads=(1,), seconds=0.01).artifacts
    assert [timing.batch for timing in measured.timings] == [1, 8]


def test_a_fixed_batch_is_measured_at_its_multiples(copy):
    edit_artifact(copy, "tflite", batch=2)
    result = measure(copy, batches=(1, 2, 3), threads=(1,), seconds=0.01)
    batches = {measured.artifact.format: [t.batch for t in measured.timings] for measured in result.artifacts}
    assert batches == {"tflite": [2, 4], "onnx": [1, 2, 3]}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ImportError", "pip install onnxruntime"),
        ("import os, sys; print('out of cheese', file=sys.stderr); os._exit(3)", "ended with status 3: out of cheese"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended with status -9"),
        ("print('noise on standard output'); raise ImportError", "pip install onnxruntime"),
    ],
    ids=["missing", "exits", "killed", "noisy"],
)
def test_a_file_that_cannot_be_run_is_skipped_alone_with_the_reason(light, tmp_path, monkeypatch, body, reason):
    (tmp_path / "onnxruntime.py").write_text(body)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    found = {measured.artifact.format: measured for measured in measure(light, **QUICK).artifacts}
    assert reason in found["onnx"].skipped
    assert found["onnx"].timings == ()
    assert found["tflite"].skipped is None


def test_an_unknown_format_is_skipped_with_those_that_are_known(copy):
    edit_artifact(copy, "onnx", format="coreml")
    found = {measured.artifact.format: measured.skipped for measured in measure(copy, **QUICK).artifacts}
    assert found == {"tflite": None, "coreml": "format must be one of saved_model, tflite, onnx, received 'coreml'"}


def test_a_damaged_file_is_skipped_and_not_run(copy):
    content = (copy / "double/model.onnx").read_bytes()
    (copy / "double/model.onnx").write_bytes(bytes([content[0] ^ 1]) + content[1:])
    found = {measured.artifact.format: measured.skipped for measured in measure(copy, **QUICK).artifacts}
    assert found == {"tflite": None, "onnx": "double/model.onnx is damaged"}


def test_a_file_that_never_was_a_model_is_skipped_with_the_runtime_s_word(copy):
    (copy / "double/model.onnx").write_bytes(b"no model")
    write_sums(copy)
    found = {measured.artifact.format: measured.skipped for measured in measure(copy, **QUICK).artifacts}
    assert "model.onnx must be an ONNX model" in found["onnx"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": ["triple"]}, "part must be one the bundle holds .double., received 'triple'"),
        ({"formats": ["saved_model"]}, "format must be one the bundle holds .tflite, onnx., received 'saved_model'"),
        ({"batches": [0]}, r"batches must be whole numbers of at least 1, received \[0\]"),
        ({"threads": []}, r"threads must be whole numbers of at least 1, received \[\]"),
        ({"seconds": 0}, "seconds must be a positive number, received 0"),
        ({"seconds": float("nan")}, "seconds must be a positive number, received nan"),
    ],
)
def test_options_that_do_not_fit_the_bundle_are_refused(light, options, message):
    with pytest.raises(ValueError, match=message):
        measure(light, **options)


def test_no_bundle_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must have a manifest\.json"):
        measure(tmp_path)


class Recorder:
    """Stands in for the workers: notes how many are open at once, and whose turn it is."""

    def __init__(self):
        self.open, self.most_open, self.turns = 0, 0, []

    @contextmanager
    def start(self, directory, place, artifact, threads):
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        yield FakeWorker(artifact, self.turns)
        self.open -= 1


class FakeWorker:
    skipped = None

    def __init__(self, artifact, turns):
        self.artifact, self.turns = artifact, turns

    def wait(self):
        pass

    def batch(self, wanted):
        return wanted

    def has(self, batch):
        return False

    def turn(self, batch, seconds, *, counted=True):
        if counted:
            self.turns.append(self.artifact.format)

    def timings(self):
        return ()


@pytest.fixture
def recorder(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(rounds, "Worker", recorder.start)
    return recorder


def test_files_of_a_part_take_turns(light, recorder):
    measure(light, **QUICK)
    assert recorder.turns == ["onnx", "tflite", "tflite", "onnx"] * 2 + ["onnx", "tflite"]
    assert recorder.most_open == 2


def test_files_that_do_not_fit_into_memory_together_are_measured_one_after_the_other(light, recorder, monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda name: 1)
    measure(light, **QUICK)
    assert recorder.turns == ["tflite"] * 5 + ["onnx"] * 5
    assert recorder.most_open == 1
