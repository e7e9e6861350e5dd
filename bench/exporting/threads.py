"""10,000 requests from 8 threads through the clients in exports/: does everybody get the answer to what they asked?

Each request's picture or text is its own, and so is the answer it must get. The client of TensorFlow Serving asks a server
in this process that answers its calls from the SavedModel.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from faulting.victim import small_model
from processes import in_fresh_process
from report import HERE, Row
from sections import Measured, progress

REQUESTS, THREADS = 10_000, 8
CLIENTS = HERE.parent / "exports"


def measure(arguments: argparse.Namespace) -> Measured:
    rows, details = [], {}
    with tempfile.TemporaryDirectory() as temporary:
        in_fresh_process(write_bundle, temporary)
        for runtime in ("onnx", "tflite", "saved_model"):
            found, _ = in_fresh_process(ask, runtime, temporary)
            progress(f"{runtime}: {found}")
            details[runtime] = found
            rows += [
                Row(f"threads_{runtime}_requests", found["requests"]),
                Row(f"threads_{runtime}_crossed", found["crossed"]),
                Row(f"threads_{runtime}_wrong", found["wrong"], unit="answers off by more than 1e-4"),
            ]
    return rows, {"threads": details}


def write_bundle(directory: str) -> None:
    """A bundle, and the answers of the Keras model to every request."""
    import numpy as np

    import mmzoo

    model = small_model(0)
    mmzoo.export(model, Path(directory, "bundle"))
    expected = {
        "images": model.encode_image(np.stack([picture(number) for number in range(REQUESTS)])),
        "texts": model.encode_text([text(number) for number in range(REQUESTS)]),
    }
    np.savez(Path(directory, "expected.npz"), **expected)


def picture(number: int) -> Any:
    """(32, 32, 3) uint8, 16 squares of colours that no other number has."""
    import numpy as np

    squares = np.random.default_rng(number).integers(0, 256, (4, 4, 3)).astype("uint8")
    return squares.repeat(8, axis=0).repeat(8, axis=1)


def text(number: int) -> str:
    return f"{number} is what this caption asks"


def ask(runtime: str, directory: str) -> dict[str, Any]:
    """Even requests bring a picture, odd ones a text; every other request brings a second one of the same kind."""
    import numpy as np
    from PIL import Image

    expected = np.load(Path(directory, "expected.npz"))

    def png(number: int) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(picture(number)).save(buffer, "PNG")
        return buffer.getvalue()

    with client_of(runtime, Path(directory, "bundle")) as client:

        def request(number: int) -> tuple[str, list[int], Any]:
            tags = [number] if number % 4 < 2 else [number, (number + 4) % REQUESTS]
            if number % 2:
                return "texts", tags, client.embed_texts([text(tag) for tag in tags])
            return "images", tags, client.embed_images([png(tag) for tag in tags])

        started = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            answers = list(pool.map(request, range(REQUESTS)))
        seconds = time.perf_counter() - started
    crossed = wrong = 0
    for kind in ("images", "texts"):
        tags = np.concatenate([tags for of, tags, _ in answers if of == kind])
        embeds = np.concatenate([embeds for of, _, embeds in answers if of == kind])
        crossed += int((nearest(embeds, expected[kind]) != tags).sum())
        wrong += int((np.abs(embeds - expected[kind][tags]).max(1) > 1e-4).sum())
    return {"requests": len(answers), "crossed": crossed, "wrong": wrong, "seconds": round(seconds, 1)}


def nearest(embeds: Any, expected: Any) -> Any:
    """For each row the number of the nearest expected one, by the exact distance: many are close to one another."""
    import numpy as np

    wide = expected.astype(np.float64)
    numbers = []
    for block in np.array_split(embeds.astype(np.float64), 100):
        distances = (block**2).sum(1)[:, None] - 2 * block @ wide.T + (wide**2).sum(1)[None]
        numbers.append(distances.argmin(1))
    return np.concatenate(numbers)


@contextmanager
def client_of(runtime: str, bundle: Path) -> Iterator[Any]:
    folder = {"onnx": "onnxruntime", "tflite": "litert", "saved_model": "tf_serving"}[runtime]
    sys.path[:0] = [str(CLIENTS), str(CLIENTS / folder)]
    if runtime == "onnx":
        from onnxruntime_client import OnnxClient

        yield OnnxClient(bundle)
    elif runtime == "tflite":
        from litert_client import LiteRTClient

        yield LiteRTClient(bundle)
    else:
        from tf_serving_client import TFServingClient

        with serving(bundle) as url:
            yield TFServingClient(url)


@contextmanager
def serving(bundle: Path) -> Iterator[str]:
    """The URL of a server that answers predict calls as TensorFlow Serving documents them, from the raw SavedModel."""
    from mmzoo.bundle import Bundle

    opened = Bundle(bundle)
    signatures = {name: _signature(opened, name) for name in ("image_bytes", "text_strings")}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            (values,) = body["inputs"].values()
            values = [base64.b64decode(v["b64"]) if isinstance(v, dict) else v.encode() for v in values]
            answer = json.dumps({"outputs": signatures[body["signature_name"]](values)}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/models/small"
    finally:
        server.shutdown()
        server.server_close()


def _signature(bundle: Any, name: str) -> Callable[[list[bytes]], list[list[float]]]:
    import numpy as np

    def answer(values: list[bytes]) -> list[list[float]]:
        (embeds,) = bundle.run(name, "saved_model", {name: np.array(values, object)}).values()
        return embeds.tolist()

    return answer
