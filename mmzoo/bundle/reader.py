"""A written bundle, opened to be run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mmzoo.bundle.manifest import Artifact, Manifest, PartEntry, read_manifest
from mmzoo.bundle.runners import Runner, open_onnx, open_saved_model, open_tflite

FORMATS = ("saved_model", "tflite", "onnx")


def open_artifact(directory: str | Path, artifact: Artifact, part: PartEntry, *, threads: int | None = None) -> Runner:
    """Opens an artifact of a bundle in its own runtime, on the CPU; threads: at most so many for one call.

    (TensorFlow's threads are the process's: they are not set here.)
    Raises ImportError without that runtime, ValueError for an unknown format or a file that cannot be loaded.
    """
    path = Path(directory) / artifact.path
    match artifact.format:
        case "saved_model":
            return open_saved_model(path, part)
        case "tflite":
            return open_tflite(path, part, threads=threads, batch=artifact.batch)
        case "onnx":
            return open_onnx(path, part, threads=threads)
    raise ValueError(f"format must be one of {', '.join(FORMATS)}, received {artifact.format!r}")


class Bundle:
    """A directory that export wrote; its artifacts are opened when they are first used and may be run from any thread.

    Attributes: directory, manifest.
    Raises FileNotFoundError without a manifest, ValueError for one that cannot be read. verify checks hashes.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self.manifest: Manifest = read_manifest(directory)
        self._runners: dict[tuple[str, str, str], Runner] = {}
        self._lock = threading.Lock()

    def run(
        self, part: str, format: str, inputs: Mapping[str, np.ndarray], *, precision: str = "fp32"
    ) -> dict[str, np.ndarray]:
        """Runs one part: {input name: array (B, ...)} -> {output name: array (B, ...)}, as the manifest declares them.

        Raises ValueError for an artifact the bundle does not hold and for other inputs, ImportError without the
        runtime.
        """
        key = (part, format, precision)
        with self._lock:
            if key not in self._runners:
                artifact = self.manifest.artifact(part, format, precision)
                self._runners[key] = open_artifact(self.directory, artifact, self.manifest.parts[part])
            runner = self._runners[key]
        return runner(inputs)
