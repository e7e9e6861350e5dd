"""Asks TensorFlow Serving for a SavedModel's signatures over REST. Copy it together with ../mmzoo_bundle.py."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmzoo_bundle import argument_parser, post_json, print_cosines


class TFServingClient:
    """A model of TensorFlow Serving; any number of threads may use one client.

    url: the model's, such as "http://localhost:8501/v1/models/clip". timeout: seconds for one request.
    Its methods raise RuntimeError with the server's words where it refuses, ConnectionError where none answers in time.
    """

    def __init__(self, url: str, *, timeout: float = 30.0) -> None:
        self.url, self.timeout = url.rstrip("/"), timeout

    def embed_images(self, pictures: Sequence[str | Path | bytes]) -> np.ndarray:
        """N paths or contents of JPEG or PNG files -> (N, E) float32, by the signature image_bytes of saved_model_raw."""
        contents = [picture if isinstance(picture, bytes) else Path(picture).read_bytes() for picture in pictures]
        return next(iter(self.predict("image_bytes", {"image_bytes": contents}).values()))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """N texts -> (N, E) float32, by the signature text_strings of saved_model_raw."""
        return next(iter(self.predict("text_strings", {"text_strings": texts}).values()))

    def predict(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """{input name: array, or list of str or bytes} -> {output name: array}; numbers come back as float32.

        A signature with one output answers without its name, which is then "outputs".
        """
        answer = post_json(f"{self.url}:predict", predict_body(signature, inputs), self.timeout)["outputs"]
        outputs = answer if isinstance(answer, dict) else {"outputs": answer}
        return {name: np.asarray(values, np.float32) for name, values in outputs.items()}


def predict_body(signature: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The body of TensorFlow Serving's predict call in its columnar form."""
    return {"signature_name": signature, "inputs": {name: _encoded(values) for name, values in inputs.items()}}


def _encoded(values: Any) -> Any:
    """Bytes travel as {"b64": ...}, strings as they are, arrays as nested lists."""
    if isinstance(values, np.ndarray):
        return values.tolist()
    return [{"b64": base64.b64encode(v).decode()} if isinstance(v, bytes) else v for v in values]


if __name__ == "__main__":
    parser = argument_parser("Cosines of a picture with texts, from TensorFlow Serving.", url="the model's URL")
    given = parser.parse_args()
    print_cosines(TFServingClient(given.url), given.picture, given.texts)
