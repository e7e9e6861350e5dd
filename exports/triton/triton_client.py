"""Asks Triton Inference Server, over the Open Inference Protocol v2. Copy it together with ../mmzoo_bundle.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmzoo_bundle import Client, argument_parser, post_json, print_cosines

DATATYPES = {
    "bool": "BOOL",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    **{f"{kind}{bits}": f"{kind.upper()}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}


class TritonClient(Client):
    """A bundle that a server runs; any number of threads may use one client.

    bundle: the same bundle here, which says how pictures and texts become tensors (its model files are not read).
    url: the server's, such as "http://localhost:8000". precision: "fp32", "fp16" or "int8", whichever the server has.
    Its methods raise RuntimeError with the server's words where it refuses, ConnectionError where none answers in time.
    """

    def __init__(self, bundle: str | Path, url: str, *, precision: str = "fp32", timeout: float = 30.0) -> None:
        super().__init__(bundle)
        self.url, self.precision, self.timeout = url.rstrip("/"), precision, timeout

    def run(self, part: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{input name: array (N, ...)} -> {output name: array (N, ...)}, as the manifest declares them."""
        self.bundle.check_inputs(part, inputs)
        model = part if self.precision == "fp32" else f"{part}_{self.precision}"
        answer = post_json(f"{self.url}/v2/models/{model}/infer", infer_body(inputs), self.timeout)
        dtypes = {output["name"]: output["dtype"] for output in self.bundle.parts[part]["outputs"]}
        return {
            output["name"]: np.array(output["data"], dtypes[output["name"]]).reshape(output["shape"])
            for output in answer["outputs"]
        }


def infer_body(inputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The body of the protocol's infer call."""
    return {
        "inputs": [
            {
                "name": name,
                "shape": list(array.shape),
                "datatype": DATATYPES[array.dtype.name],
                "data": array.ravel().tolist(),
            }
            for name, array in inputs.items()
        ]
    }


if __name__ == "__main__":
    parser = argument_parser(
        "Cosines of a picture with texts, from Triton.", url="the server's URL", bundle="the bundle it serves"
    )
    parser.add_argument("--precision", default="fp32", choices=("fp32", "fp16", "int8"))
    given = parser.parse_args()
    print_cosines(TritonClient(given.bundle, given.url, precision=given.precision), given.picture, given.texts)
