"""Runs a bundle's ONNX files with onnxruntime, on the CPU or an NVIDIA GPU. Copy it together with ../mmzoo_bundle.py."""

from __future__ import annotations

import contextlib
import sys
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from mmzoo_bundle import Client, argument_parser, print_cosines

PROVIDERS = {"cpu": ["CPUExecutionProvider"], "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"]}


class OnnxClient(Client):
    """A bundle in onnxruntime; any number of threads may use one client, which keeps one session a part.

    precision: "fp32", "fp16" or "int8", whichever the bundle has. device: "cpu" or "cuda", which needs the package
    onnxruntime-gpu and falls back to the CPU with a warning. threads: at most so many for one call, by default one a core.
    tokenizer_inside: texts go to text/model.strings.onnx as they are, which needs the package onnxruntime-extensions.

    Attributes: bundle; device, the one in use once a part has been run.
    Raises ValueError for a bundle that is damaged or lacks the file, FileNotFoundError where there is none.
    """

    def __init__(
        self,
        bundle: str | Path,
        *,
        precision: str = "fp32",
        device: str = "cpu",
        threads: int | None = None,
        tokenizer_inside: bool = False,
    ) -> None:
        super().__init__(bundle)
        if device not in PROVIDERS:
            raise ValueError(f"device must be one of {', '.join(PROVIDERS)}, received {device!r}")
        self.precision, self.device, self.tokenizer_inside = precision, device, tokenizer_inside
        self._threads = threads
        self._sessions: dict[str, Any] = {}
        self._lock = threading.Lock()

    def run(self, part: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{input name: array (N, ...)} -> {output name: array (N, ...)}, as the manifest declares them."""
        self.bundle.check_inputs(part, inputs)
        names = [output["name"] for output in self.bundle.parts[part]["outputs"]]
        feed = {name: array.astype(object) if array.dtype.kind == "U" else array for name, array in inputs.items()}
        # A session may be shared by threads; an IOBinding may not, so none is used.
        return dict(zip(names, self._session(part).run(names, feed), strict=True))

    def _session(self, part: str) -> Any:
        with self._lock:
            if part not in self._sessions:
                self._sessions[part] = self._open(part)
            return self._sessions[part]

    def _open(self, part: str) -> Any:
        artifact = self.bundle.artifact(part, "onnx", self.precision)
        options = onnxruntime.SessionOptions()
        if self._threads is not None:
            options.intra_op_num_threads = self._threads
        if "onnxruntime-extensions" in artifact.get("needs", ()):
            import onnxruntime_extensions

            options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
        present = onnxruntime.get_available_providers()
        providers = [provider for provider in PROVIDERS[self.device] if provider in present]
        if "CUDAExecutionProvider" in providers:
            with contextlib.redirect_stdout(sys.stderr):  # it prints what it does not find
                onnxruntime.preload_dlls()  # CUDA from pip's packages, where it is installed so
        session = onnxruntime.InferenceSession(artifact["path"], options, providers=providers)
        if PROVIDERS[self.device][0] not in session.get_providers():
            reason = (
                "finds no GPU or no CUDA libraries" if PROVIDERS["cuda"][0] in present else "was built without CUDA"
            )
            warnings.warn(f"device 'cuda' was asked for, but onnxruntime {reason}: running on the CPU", stacklevel=4)
            self.device = "cpu"
        return session


if __name__ == "__main__":
    parser = argument_parser(
        "Cosines of a picture with texts, computed with onnxruntime.", bundle="a directory written by mmzoo.export"
    )
    parser.add_argument("--precision", default="fp32", choices=("fp32", "fp16", "int8"))
    parser.add_argument("--device", default="cpu", choices=tuple(PROVIDERS))
    parser.add_argument("--tokenizer-inside", action="store_true", help="give the texts to text/model.strings.onnx")
    given = vars(parser.parse_args())
    picture, texts = given.pop("picture"), given.pop("texts")
    print_cosines(OnnxClient(given.pop("bundle"), **given), picture, texts)
