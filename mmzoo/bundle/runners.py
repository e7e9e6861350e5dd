"""Runs a part of a bundle: one function a format, all giving the same kind of callable.

A runner takes {input name: array (B, ...)} of the declared dtypes, with one B of at least 1 for all inputs, and returns
{output name: array (B, ...)}. It raises ValueError for other names, dtypes and shapes. Any thread may call it. An input of
dtype "string" is an array of str or bytes.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.bundle.manifest import PartEntry
from mmzoo.signature import TensorSpec

Runner = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]
_loaded: weakref.WeakValueDictionary[tuple[Any, ...], Any] = weakref.WeakValueDictionary()
_loading = threading.Lock()


def open_onnx(
    path: str | Path,
    part: PartEntry,
    *,
    providers: Sequence[str | tuple[str, dict[str, Any]]] = ("CPUExecutionProvider",),
    threads: int | None = None,
) -> Runner:
    """Opens an ONNX file with onnxruntime; providers as onnxruntime takes them, in the order of preference.

    threads: at most so many for one call, by default one a core. A part that takes strings has its tokenizer inside,
    made of the operations of onnxruntime-extensions.
    Raises ImportError without onnxruntime or the extensions, ValueError where the file is no such part.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("an ONNX file runs in onnxruntime, which is missing: pip install onnxruntime") from error
    path = _existing(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; its warnings speak of unused initializers and the like
    if threads is not None:
        options.intra_op_num_threads = threads
    if any(spec.dtype == "string" for spec in part.inputs):
        options.register_custom_ops_library(_extensions())
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # onnxruntime has an exception class for each status code and no common one
        raise ValueError(f"{path.name} must be an ONNX model, and onnxruntime refuses it: {_line(error)}") from error
    _require_names(path, part, (i.name for i in session.get_inputs()), (o.name for o in session.get_outputs()))
    names = [spec.name for spec in part.outputs]

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        check_inputs(part, inputs)
        return dict(zip(names, session.run(names, {n: _text(array) for n, array in inputs.items()}), strict=True))

    return run


def _text(array: np.ndarray) -> np.ndarray:
    """Strings as onnxruntime takes them, which would end at U+0000; other arrays as they are."""
    if array.dtype.kind not in "OSU":
        return array
    texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in array.ravel()]
    return np.array([text.replace("\0", "\ufffd") for text in texts], object).reshape(array.shape)


def _extensions() -> str:
    """Path of the library with onnxruntime-extensions' operations."""
    try:
        import onnxruntime_extensions
    except ImportError as error:
        raise ImportError(
            "an ONNX file with a tokenizer inside needs onnxruntime-extensions, which is missing: "
            "pip install onnxruntime-extensions"
        ) from error
    return onnxruntime_extensions.get_library_path()


def open_tflite(path: str | Path, part: PartEntry, *, threads: int | None = None, batch: int | None = None) -> Runner:
    """Opens a TFLite file's signature of the part's name with LiteRT, one interpreter for each calling thread.

    (One interpreter shared by threads gives wrong answers silently.)
    threads: at most so many for one call, by default LiteRT's own choice. batch: the file's batch axis where it is
    fixed; inputs are run in pieces of so many rows.
    Raises ImportError without ai-edge-litert, ValueError where the file is no such part; the runner raises ImportError
    where the file has TensorFlow's select operations, since LiteRT 2 has no Flex delegate in Python.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ImportError("a TFLite file runs in LiteRT, which is missing: pip install ai-edge-litert") from error
    path = _existing(path)
    local = threading.local()

    def signature() -> Any:
        if not hasattr(local, "signature"):
            interpreter = Interpreter(model_path=str(path), num_threads=threads)
            local.signature = interpreter.get_signature_runner(part.name)
        return local.signature

    try:
        signatures = Interpreter(model_path=str(path)).get_signature_list()
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path.name} must be a TFLite model, and LiteRT refuses it: {_line(error)}") from error
    if part.name not in signatures:
        raise ValueError(f"{path.name} must have the signature {part.name!r}, found {sorted(signatures)}")
    _require_names(path, part, signatures[part.name]["inputs"], signatures[part.name]["outputs"])

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        check_inputs(part, inputs)
        count = len(next(iter(inputs.values())))
        step = batch or count
        starts = range(0, count, step)
        rows = [np.minimum(np.arange(start, start + step), count - 1) for start in starts]  # filled up with the last
        try:
            pieces = [signature()(**{name: array[some] for name, array in inputs.items()}) for some in rows]
        except RuntimeError as error:
            if "Flex delegate" not in str(error):
                raise
            needs = "a LiteRT with the Flex delegate, which this one lacks"
            raise ImportError(f"{path.name} has TensorFlow's own operations and needs {needs}") from error
        return {name: np.concatenate([piece[name] for piece in pieces])[:count] for name in pieces[0]}

    return run


def open_saved_model(path: str | Path, part: PartEntry, *, device: str = "/CPU:0") -> Runner:
    """Opens a SavedModel's signature of the part's name with TensorFlow, on the named device.

    Raises ImportError without TensorFlow, ValueError where the directory is no such part.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError("a SavedModel runs in TensorFlow, which is missing: pip install tensorflow") from error
    path = _existing(path)
    try:
        loaded = _load_saved_model(path, device)
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise ValueError(f"{path.name} must be a SavedModel, and TensorFlow refuses it: {_line(error)}") from error
    if part.name not in loaded.signatures:
        raise ValueError(f"{path.name} must have the signature {part.name!r}, found {sorted(loaded.signatures)}")
    signature = loaded.signatures[part.name]
    _require_names(path, part, signature.structured_input_signature[1], signature.structured_outputs)

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        check_inputs(part, inputs)
        with tf.device(device):
            outputs = loaded.signatures[part.name](**{name: tf.constant(array) for name, array in inputs.items()})
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    return run


def _load_saved_model(path: Path, device: str) -> Any:
    """Loads a SavedModel; while a runner of one of its parts lives, the other parts share what it loaded."""
    import tensorflow as tf

    state = (path / "saved_model.pb").stat()
    key = (path.resolve(), device, state.st_ino, state.st_mtime_ns)
    with _loading:
        loaded = _loaded.get(key)
        if loaded is None:
            with tf.device(device):
                loaded = _loaded[key] = tf.saved_model.load(str(path))
    return loaded


def check_inputs(part: PartEntry, inputs: Mapping[str, np.ndarray]) -> None:
    """Raises ValueError unless inputs have the names, dtypes and shapes the part declares, and one batch size."""
    if set(inputs) != {spec.name for spec in part.inputs}:
        raise ValueError(f"inputs must be {_listed(s.name for s in part.inputs)}, received {_listed(inputs)}")
    for spec in part.inputs:
        array = inputs[spec.name]
        if not isinstance(array, np.ndarray):
            raise ValueError(f"{spec.name} must be a numpy array, received {type(array).__name__}")
        if not (array.dtype.kind in "OSU" if spec.dtype == "string" else array.dtype == spec.dtype):
            raise ValueError(f"{spec.name} must have dtype {spec.dtype}, received {array.dtype}")
        if not _fits(array, spec):
            raise ValueError(f"{spec.name} must have shape {spec.described_shape}, received {array.shape}")
    sizes = {len(array) for array in inputs.values()}
    if len(sizes) > 1 or 0 in sizes:
        raise ValueError(f"inputs must have one batch size, at least 1, received {sorted(sizes)}")


def _fits(array: np.ndarray, spec: TensorSpec) -> bool:
    return array.ndim == len(spec.shape) and all(
        side is None or side == length for side, length in zip(spec.shape, array.shape, strict=True)
    )


def _existing(path: str | Path) -> Path:
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} must be an artifact, found nothing there")
    return Path(path)


def _require_names(path: Path, part: PartEntry, inputs: Iterable[str], outputs: Iterable[str]) -> None:
    for kind, found, specs in (("inputs", inputs, part.inputs), ("outputs", outputs, part.outputs)):
        if set(found := list(found)) != {spec.name for spec in specs}:
            raise ValueError(
                f"{path.name} must have the {kind} {_listed(s.name for s in specs)}, found {_listed(found)}"
            )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _line(error: Exception) -> str:
    """The first line of a native library's message."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
