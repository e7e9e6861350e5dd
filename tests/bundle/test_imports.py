import json
import subprocess
import sys

import pytest

HEAVY = ("keras", "tensorflow", "onnxruntime", "onnx", "ai_edge_litert")


def loaded_by(code: str) -> set[str]:
    code += f"\nimport json, sys\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    output = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    return set(json.loads(output.splitlines()[-1]))


def test_importing_the_bundle_room_loads_no_framework():
    assert loaded_by("import mmzoo.bundle") == set()


def test_onnx_and_tflite_run_without_keras_and_tensorflow(written):
    code = f"""
import numpy as np
from mmzoo.bundle import Bundle
bundle = Bundle({str(written)!r})
for format in ("onnx", "tflite"):
    assert bundle.run("double", format, {{"x": np.zeros((2, 3), "float32")}})["y"].tolist() == [[0, 1, 2]] * 2
"""
    assert loaded_by(code) == {"onnxruntime", "ai_edge_litert"}


@pytest.mark.parametrize("command", ["verify", "info", "bench"])
def test_the_commands_load_neither_keras_nor_tensorflow_for_onnx_and_tflite(light, command, tmp_path):
    # Found before the real ones, by bench's own processes too.
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r})")
    options = "--seconds 0.01 --batch 1 --threads 1 --json" if command == "bench" else "--json"
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
sys.argv = ["mmzoo", {command!r}, {str(light)!r}, *{options.split()!r}]
from mmzoo.cli import main
try:
    main()
except SystemExit as ending:
    assert not ending.code, ending.code
"""
    assert loaded_by(code) <= {"onnxruntime", "ai_edge_litert"}
    assert not (tmp_path / "imported").exists()
