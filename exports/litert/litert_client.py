"""Runs a bundle's TFLite files with LiteRT. Copy it together with ../mmzoo_bundle.py."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from mmzoo_bundle import Client, argument_parser, print_cosines


class LiteRTClient(Client):
    """A bundle in LiteRT; any number of threads may use one client, which keeps an interpreter for each of them.

    An interpreter shared by threads gives wrong answers without an error, so none ever is.
    precision: "fp32", "fp16" or "int8", whichever the bundle has. threads: at most so many for one call, by default one.

    Raises ValueError for a bundle that is damaged or lacks the file, FileNotFoundError where there is none.
    """

    def __init__(self, bundle: str | Path, *, precision: str = "fp32", threads: int = 1) -> None:
        super().__init__(bundle)
        self.precision, self._threads = precision, threads
        self._artifacts: dict[str, Any] = {}
        self._local = threading.local()
        self._lock = threading.Lock()

    def run(self, part: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{input name: array (N, ...)} -> {output name: array (N, ...)}, as the manifest declares them."""
        count = self.bundle.check_inputs(part, inputs)
        step = self._artifact(part).get("batch") or count  # a file converted with a fixed batch is run in such pieces
        pieces = []
        for start in range(0, count, step):
            rows = np.minimum(np.arange(start, start + step), count - 1)  # the last piece repeats the last row
            pieces.append(self._signature(part)(**{name: array[rows] for name, array in inputs.items()}))
        return {name: np.concatenate([piece[name] for piece in pieces])[:count] for name in pieces[0]}

    def _signature(self, part: str) -> Any:
        signatures = self._local.__dict__.setdefault("signatures", {})
        if part not in signatures:
            interpreter = Interpreter(model_path=self._artifact(part)["path"], num_threads=self._threads)
            signatures[part] = interpreter.get_signature_runner(part)
        return signatures[part]

    def _artifact(self, part: str) -> dict[str, Any]:
        with self._lock:
            if part not in self._artifacts:
                self._artifacts[part] = self.bundle.artifact(part, "tflite", self.precision)
            return self._artifacts[part]


if __name__ == "__main__":
    parser = argument_parser(
        "Cosines of a picture with texts, computed with LiteRT.", bundle="a directory written by mmzoo.export"
    )
    parser.add_argument("--precision", default="fp32", choices=("fp32", "fp16", "int8"))
    given = parser.parse_args()
    print_cosines(LiteRTClient(given.bundle, precision=given.precision), given.picture, given.texts)
