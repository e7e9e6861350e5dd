"""Two small bundles, the clients copied out of exports/ as a user would, and servers that run a bundle as real ones do."""

import base64
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest
from PIL import Image

import mmzoo

EXPORTS = Path(__file__).parents[2] / "exports"
WIDTH = 16

if keras.backend.backend() != "tensorflow":
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def bundle(clip_bundle) -> Path:
    """A CLIP in every form, with the repository of Triton."""
    return clip_bundle


@pytest.fixture(scope="session")
def tagged(tmp_path_factory) -> Path:
    """A bundle of y = 4 x + 3 in rows of 16, which float32 computes without rounding below 2**22."""
    x = keras.Input((WIDTH,), name="x")
    double = keras.initializers.Constant(2 * np.eye(WIDTH))
    layers = [keras.layers.Dense(WIDTH, kernel_initializer=double, bias_initializer="ones") for _ in range(2)]
    model = keras.Model(x, {"y": layers[1](layers[0](x))}, name="tagged")
    directory = tmp_path_factory.mktemp("bundles") / "tagged"
    mmzoo.export(model, directory, layout="triton")
    return directory


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Iterator[Path]:
    """A folder with copies of the Python clients, on the import path."""
    folder = tmp_path_factory.mktemp("project")
    for file in (*EXPORTS.glob("mmzoo_*.py"), *EXPORTS.glob("*/*_client.py")):
        shutil.copy(file, folder)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def without_mmzoo(project) -> Callable[[str, Path], str]:
    """What a Python program prints, given a bundle, in the folder of the clients, where neither mmzoo nor Keras can be imported."""

    def run(code: str, bundle: Path) -> str:
        hidden = "import sys; sys.modules.update(dict.fromkeys(('mmzoo', 'keras')))\n"
        command = [sys.executable, "-c", hidden + code, str(bundle)]
        return subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout.strip()

    return run


@pytest.fixture(scope="session")
def client_module(project) -> Callable[[str], ModuleType]:
    return import_module


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> list[Path]:
    """PNG files of three sizes."""
    folder, generator = tmp_path_factory.mktemp("pictures"), np.random.default_rng(5)
    paths = [folder / f"{name}.png" for name in ("wide", "tall", "exact")]
    for path, size in zip(paths, ((40, 90, 3), (77, 33, 3), (32, 32, 3)), strict=True):
        Image.fromarray(generator.integers(0, 256, size).astype("uint8")).save(path)
    return paths


def values_of_tf_serving(values: object) -> object:
    """JSON values as TensorFlow Serving takes them: {"b64": ...} and strings become bytes."""
    if isinstance(values, list):
        return [values_of_tf_serving(value) for value in values]
    if isinstance(values, dict):
        return base64.b64decode(values["b64"], validate=True)
    return values.encode() if isinstance(values, str) else values


@pytest.fixture(scope="session")
def tf_serving_answer() -> Callable[[Path], Callable[[str, dict], dict]]:
    """The predict call of TensorFlow Serving's REST interface in its columnar form, for a SavedModel's directory."""

    def serve(directory: Path) -> Callable[[str, dict], dict]:
        import tensorflow as tf

        loaded = tf.saved_model.load(str(directory))

        def answer(path: str, body: dict) -> dict:
            if path != "/v1/models/clip:predict":
                raise LookupError(f"Could not find any versions of model at {path}")
            if body["signature_name"] not in loaded.signatures:
                raise ValueError(f'Serving signature key "{body["signature_name"]}" not found.')
            signature = loaded.signatures[body["signature_name"]]
            specs = signature.structured_input_signature[1]
            values = {name: values_of_tf_serving(body["inputs"][name]) for name in specs}
            outputs = signature(**{name: tf.constant(values[name], specs[name].dtype) for name in specs})
            lists = {name: tensor.numpy().tolist() for name, tensor in outputs.items()}
            return {"outputs": lists if len(lists) > 1 else next(iter(lists.values()))}

        return answer

    return serve


@pytest.fixture(scope="session")
def triton_answer() -> Callable[[Path], Callable[[str, dict], dict]]:
    """The infer call of the Open Inference Protocol v2, for a model repository of ONNX files."""
    dtypes = {"UINT8": "uint8", "INT32": "int32", "FP32": "float32"}
    names = {dtype: datatype for datatype, dtype in dtypes.items()}

    def serve(repository: Path) -> Callable[[str, dict], dict]:
        import onnxruntime

        sessions = {
            path.name: onnxruntime.InferenceSession(path / "1" / "model.onnx", providers=["CPUExecutionProvider"])
            for path in repository.iterdir()
        }

        def answer(path: str, body: dict) -> dict:
            _, version, models, name, call = path.split("/")
            if (version, models, call) != ("v2", "models", "infer") or name not in sessions:
                raise LookupError(f"Request for unknown model: '{name}' is not found")
            feed = {
                entry["name"]: np.array(entry["data"], dtypes[entry["datatype"]]).reshape(entry["shape"])
                for entry in body["inputs"]
            }
            outputs = zip(sessions[name].get_outputs(), sessions[name].run(None, feed), strict=True)
            return {
                "model_name": name,
                "model_version": "1",
                "outputs": [
                    {
                        "name": output.name,
                        "datatype": names[array.dtype.name],
                        "shape": list(array.shape),
                        "data": array.ravel().tolist(),
                    }
                    for output, array in outputs
                ],
            }

        return answer

    return serve


@contextmanager
def serving(answer: Callable[[str, dict], dict]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                code, content = 200, answer(self.path, body)
            except LookupError as error:
                code, content = 404, {"error": str(error)}
            except Exception as error:
                code, content = 400, {"error": str(error)}
            payload = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="session")
def serve() -> Callable:
    """A context in which an answer function is a server; it gives the URL."""
    return serving
