"""Exports that are killed, and disks that are full, in processes of their own."""

import json
import signal
import subprocess
import sys

from mmzoo.atomic import PREFIX
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
setattr(writer, sys.argv[2], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
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


def test_killed_exports_leave_no_target_and_the_next_export_cleans_up(small, tmp_path):
    moments = ("write_onnx", "write_sums")  # with two formats written, and with everything written but the hashes
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
