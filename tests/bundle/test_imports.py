import json
import subprocess
import sys

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
