"""A bundle of y = 2 x + offset made without mmzoo: ONNX node by node, the rest by TensorFlow, the manifest as text."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

X = np.arange(15, dtype="float32").reshape(5, 3) - 7
OFFSET = np.array([0, 1, 2], "float32")
INPUT = {"name": "x", "shape": [None, 3], "dtype": "float32", "range": [-7, 7]}
OUTPUT = {"name": "y", "shape": [None, 3], "dtype": "float32"}


def onnx_file(path: Path, factor: float = 2.0) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants = [numpy_helper.from_array(np.float32(factor), "factor"), numpy_helper.from_array(OFFSET, "offset")]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "factor"], ["product"]), helper.make_node("Add", ["product", "offset"], ["y"])],
        "double",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def saved_model(path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.offset = tf.Variable(OFFSET)

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
    def double(x):
        return {"y": 2 * x + module.offset}

    module.double = double
    tf.saved_model.save(module, str(path), signatures={"double": double})


def manifest_text(directory: Path, paths: dict[str, str]) -> str:
    artifacts = [
        {
            "part": "double",
            "format": name,
            "precision": "fp32",
            "path": path,
            "bytes": 1,
            "sha256": digest_of(directory / path),
            "max_abs_diff": 0.0,
            "min_cosine": 1.0,
            "samples": 5,
        }
        for name, path in paths.items()
    ]
    content = {
        "schema": 1,
        "model": "doubler",
        "created_by": {"hand": "1"},
        "samples": {"count": 5, "kind": "real"},
        "parts": {"double": {"inputs": [INPUT], "outputs": [OUTPUT]}},
        "artifacts": artifacts,
        "metrics": {},
    }
    return json.dumps(content)


def digest_of(path: Path) -> str:
    """A file's hash; a directory's is that of what sha256sum would print for its sorted files."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    return hashlib.sha256("".join(f"{digest_of(path / name)}  {name}\n" for name in names).encode()).hexdigest()


TEXTS = ["caf\u00e9", "", "\u6570\u5b57\u4e03"]
LENGTHS = np.array([4, 0, 3], "float32")


def write_lengths(path: Path, texts: list[str]) -> None:
    """An ONNX file that knows how long each of these texts is."""
    import onnx
    from onnx import TensorProto, helper

    lengths = helper.make_node(
        "LabelEncoder",
        ["text_strings"],
        ["y"],
        domain="ai.onnx.ml",
        keys_strings=texts,
        values_floats=[float(length) for length in LENGTHS],
        default_float=-1.0,
    )
    graph = helper.make_graph(
        [lengths],
        "lengths",
        [helper.make_tensor_value_info("text_strings", TensorProto.STRING, ["batch"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch"])],
    )
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    onnx.save(helper.make_model(graph, opset_imports=versions, ir_version=8), str(path))


def strings_manifest(path: Path) -> str:
    part = {
        "inputs": [{"name": "text_strings", "shape": [None], "dtype": "string"}],
        "outputs": [{"name": "y", "shape": [None], "dtype": "float32"}],
    }
    artifact = {
        "part": "texts",
        "format": "onnx",
        "precision": "fp32",
        "path": path.name,
        "bytes": 1,
        "sha256": digest_of(path),
        "max_abs_diff": 0.0,
        "min_cosine": 1.0,
        "samples": 3,
        "needs": ["onnxruntime-extensions"],
    }
    return json.dumps(
        {
            "schema": 1,
            "model": "lengths",
            "created_by": {},
            "samples": {"count": 3, "kind": "real"},
            "parts": {"texts": part},
            "artifacts": [artifact],
            "metrics": {},
        }
    )


@pytest.fixture
def lengths(tmp_path) -> Path:
    """A bundle of one ONNX file that takes strings."""
    pytest.importorskip("onnxruntime_extensions")
    from mmzoo.checksums import write_sums

    directory = tmp_path / "lengths"
    directory.mkdir()
    write_lengths(directory / "texts.onnx", TEXTS)
    np.savez(directory / "samples.npz", **{"texts/inputs/text_strings": TEXTS, "texts/outputs/y": LENGTHS})
    (directory / "manifest.json").write_text(strings_manifest(directory / "texts.onnx"))
    write_sums(directory)
    return directory


@pytest.fixture(scope="session")
def written(tmp_path_factory) -> Path:
    tf = pytest.importorskip("tensorflow")
    from mmzoo.checksums import write_sums

    directory = tmp_path_factory.mktemp("bundles") / "doubler"
    (directory / "double").mkdir(parents=True)
    onnx_file(directory / "double/model.onnx")
    saved_model(directory / "saved_model/1")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(directory / "saved_model/1"), signature_keys=["double"])
    (directory / "double/model.tflite").write_bytes(converter.convert())
    np.savez(directory / "samples.npz", **{"double/inputs/x": X, "double/outputs/y": 2 * X + OFFSET})
    (directory / "README.md").write_text("# doubler\n")
    paths = {"saved_model": "saved_model/1", "tflite": "double/model.tflite", "onnx": "double/model.onnx"}
    (directory / "manifest.json").write_text(manifest_text(directory, paths))
    write_sums(directory)
    return directory


@pytest.fixture(scope="session")
def light(written, tmp_path_factory) -> Path:
    """The same without the SavedModel."""
    from mmzoo.checksums import write_sums

    directory = tmp_path_factory.mktemp("bundles") / "light"
    shutil.copytree(written, directory, ignore=shutil.ignore_patterns("saved_model"))
    paths = {"tflite": "double/model.tflite", "onnx": "double/model.onnx"}
    (directory / "manifest.json").write_text(manifest_text(directory, paths))
    write_sums(directory)
    return directory


@pytest.fixture
def bundle(written, tmp_path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(written, tmp_path / "doubler"))
