"""Exports that are killed, and disks that are full, in processes of their own."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from mmzoo.atomic import PREFIX
from mmzoo.checksums import SUMS, check_files
from mmzoo.exporters import export

MODEL = """
import json, os, resource, signal, sys
import keras
import mmzoo.exporters.writer as writer
x = keras.Input((64,), name="x")
model = keras.Model(x, {"y": keras.layers.Dense(512)(x)})
"""
KILLED = (
    MODEL
    + """
def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
writer.export(model, sys.argv[1])
"""
)
FULL = (
    MODEL
    + """
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
messages = []
for format in ("saved_model", "tflite", "onnx"):
    try:
        writer.export(model, sys.argv[1], (format,))
    except OSError as error:
        messages.append(str(error))
print(json.dumps(messages))
"""
)


def start(code, *arguments):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


_observers = []


@contextmanager
def at_each_file_operation(directory, look):
    """Calls look before each file operation below a directory: a kill there would leave what is to be seen there."""
    if not _observers:  # an audit hook stays for good
        sys.addaudithook(lambda event, arguments: [observe(event, arguments) for observe in _observers[-1:]])
        _observers.append(lambda event, arguments: None)
    looking = False

    def observe(event, arguments):
        nonlocal looking
        is_file = event in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree")
        is_swap = event == "ctypes.dlsym" and arguments[1] == "renameat2"
        if not looking and (is_swap or (is_file and str(arguments[0]).startswith(str(directory)))):
            looking = True
            look()
            looking = False

    _observers.append(observe)
    try:
        yield
    finally:
        _observers.pop()


@pytest.mark.parametrize("quantize", [None, ("int8", "fp16")], ids=["fp32", "quantized"])
def test_a_kill_at_any_file_operation_finds_the_target_absent_or_whole(small, tmp_path, quantize):
    target, seen = tmp_path / "target", []

    def look():
        seen.append("absent" if not target.exists() else "damaged" if check_files(target)[0] else "whole")

    with at_each_file_operation(tmp_path, look):
        export(small, target, quantize=quantize)
    assert set(seen) == {"absent", "whole"}
    assert seen == sorted(seen)  # whole ever after
    assert len(seen) > 20


def test_a_kill_at_any_file_operation_of_a_replacement_finds_the_old_or_the_new(small, tmp_path):
    target, seen = tmp_path / "target", []
    export(small, target, ("onnx",))
    old = (target / SUMS).read_bytes()

    def look():
        assert check_files(target)[0] == {}
        seen.append("new" if (target / SUMS).read_bytes() != old else "a former one")

    small.set_weights([weights + 1 for weights in small.get_weights()])
    with at_each_file_operation(tmp_path, look):
        export(small, target, ("onnx",), overwrite=True)
    assert set(seen) == {"a former one", "new"}
    assert seen == sorted(seen)


def test_killed_exports_leave_no_target_and_the_next_export_cleans_up(small, tmp_path):
    moments = ("model.onnx", "SHA256SUMS")  # with two formats written, and with everything written but the hashes
    killed = [start(KILLED, tmp_path / moment, moment) for moment in moments]
    for process in killed:
        process.communicate(timeout=240)
        assert process.returncode == -signal.SIGKILL
    assert {path.name.split("-")[2] for path in tmp_path.iterdir()} == set(moments)
    assert all(path.name.startswith(PREFIX) for path in tmp_path.iterdir())
    export(small, tmp_path / "target", ("onnx",))
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_full_disk_is_one_line_and_leaves_nothing_in_every_format(tmp_path):
    output, _ = start(FULL, tmp_path / "target").communicate(timeout=240)
    messages = json.loads(output)
    assert len(messages) == 3
    assert all("File too large" in message and "\n" not in message for message in messages)
    assert list(tmp_path.iterdir()) == []
