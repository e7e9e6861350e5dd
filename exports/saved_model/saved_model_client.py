"""Runs a bundle's SavedModels with TensorFlow. Copy it together with ../mmzoo_bundle.py."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from mmzoo_bundle import Client, argument_parser, print_cosines


class SavedModelClient(Client):
    """A bundle in TensorFlow; any number of threads may use one client, which loads each SavedModel once.

    A SavedModel is a program: nothing is loaded that the bundle's checksums do not vouch for, and they only say that it is as written.
    precision: "fp32", the one SavedModels have. tokenizer_inside: texts go to saved_model_raw as they are.

    Raises ValueError for a bundle that is damaged or lacks the SavedModel, FileNotFoundError where there is none.
    """

    def __init__(self, bundle: str | Path, *, precision: str = "fp32", tokenizer_inside: bool = False) -> None:
        super().__init__(bundle)
        self.precision, self.tokenizer_inside = precision, tokenizer_inside
        self._loaded: dict[str, Any] = {}
        self._lock = threading.Lock()

    def run(self, part: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{input name: array (N, ...)} -> {output name: array (N, ...)}, as the manifest declares them."""
        self.bundle.check_inputs(part, inputs)
        signature = self._model(part).signatures[part]
        return {n: x.numpy() for n, x in signature(**{n: tf.constant(array) for n, array in inputs.items()}).items()}

    def _model(self, part: str) -> Any:
        with self._lock:
            entries = self.bundle.manifest["artifacts"]
            paths = {e["part"]: e["path"] for e in entries if e["format"] == "saved_model"}
            if paths.get(part) not in self._loaded:
                artifact = self.bundle.artifact(part, "saved_model", self.precision)
                self._loaded[paths[part]] = tf.saved_model.load(artifact["path"])
            return self._loaded[paths[part]]


if __name__ == "__main__":
    parser = argument_parser(
        "Cosines of a picture with texts, computed with TensorFlow.", bundle="a directory written by mmzoo.export"
    )
    given = parser.parse_args()
    print_cosines(SavedModelClient(given.bundle), given.picture, given.texts)
