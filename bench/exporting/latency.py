"""Latency of one picture through CLIP ViT-B/32's image tower, and bytes of its files, against transformers on torch.

Random weights on both sides. Everybody has two threads and is measured in turns: a turn is one call that is not counted and
three that are, after a pause in which the threads of the one before go to sleep.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from peers.environment import HERE as PEERS
from peers.environment import peers_python
from processes import in_fresh_process
from report import Row
from sections import Measured, progress

THREADS, CALLS, PAUSE = 2, 3, 0.05
EXPORTERS = ("dynamo", "torchscript")
Turn = Callable[[], list[float]]  # makes its calls and returns their milliseconds, the uncounted one left out


def measure(arguments: argparse.Namespace) -> Measured:
    python = str(peers_python(arguments.peers_python))
    script = str(PEERS / "clip_image_tower.py")
    with tempfile.TemporaryDirectory() as temporary:
        bundle = Path(temporary, "bundle")
        in_fresh_process(export_image_tower, str(bundle))
        for exporter in EXPORTERS:
            command = [python, script, "onnx", exporter, str(Path(temporary, f"{exporter}.onnx"))]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        progress("all files are written")
        eager = subprocess.Popen(
            [python, script, "eager", str(THREADS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            turns = _our_turns(bundle) | _peer_turns(Path(temporary)) | {"torch eager": _eager_turn(eager)}
            rounds = 20 if arguments.full else 6
            medians = in_turns(turns, rounds, arguments.seed)
        finally:
            eager.communicate()
        sizes = _bytes_of(bundle) | {name: Path(temporary, f"{name}.onnx").stat().st_size for name in EXPORTERS}
    return _rows(medians, sizes), {"median_ms": medians, "bytes": sizes, "calls_each": rounds * CALLS}


def export_image_tower(bundle: str) -> None:
    """Random weights: what quantizing costs in quality is measured elsewhere, hence no gate."""
    import mmzoo

    model = mmzoo.build_clip("vit_b_32")
    mmzoo.export(ImageTowerOf(model), bundle, ("tflite", "onnx"), quantize="int8", gate=None, raw=False)


class ImageTowerOf:
    """Half of a CLIP, as export takes it."""

    name = "clip_image_tower"

    def __init__(self, model: Any) -> None:
        self.export_parts = lambda: {"image": model.export_parts()["image"]}


def in_turns(turns: Mapping[str, Turn], rounds: int, seed: int) -> dict[str, float]:
    """Median milliseconds of each; the order changes from round to round."""
    order, generator = list(turns), random.Random(seed)
    times: dict[str, list[float]] = {name: [] for name in turns}
    for turn in range(rounds + 1):
        generator.shuffle(order)
        for name in order:
            time.sleep(PAUSE)
            milliseconds = turns[name]()
            if turn:  # the first round touches every file and buffer for the first time
                times[name] += milliseconds
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, value in sorted(medians.items(), key=lambda item: item[1]):
        progress(f"{name}: {value:.1f} ms")
    return medians


def _our_turns(bundle: Path) -> dict[str, Turn]:
    from mmzoo.bundle import read_manifest
    from mmzoo.bundle.reader import open_artifact

    manifest = read_manifest(bundle)
    part = manifest.parts["image"]
    (spec,) = part.inputs
    picture = {spec.name: _picture((1, *spec.shape[1:]))}
    runners = {
        f"{artifact.format} {artifact.precision}": open_artifact(bundle, artifact, part, threads=THREADS)
        for artifact in manifest.artifacts
    }
    return {name: _turn(lambda run=run: run(picture)) for name, run in runners.items()}


def _peer_turns(directory: Path) -> dict[str, Turn]:
    """torch's ONNX files, opened as ours are."""
    import numpy as np

    from mmzoo.bundle import PartEntry, open_onnx
    from mmzoo.signature import TensorSpec

    pixels = TensorSpec("pixel_values", (None, 3, 224, 224), "float32")
    part = PartEntry("image", (pixels,), (TensorSpec("image_embeds", (None, 512), "float32"),))
    picture = {"pixel_values": _picture((1, 3, 224, 224)).astype(np.float32) / 127.5 - 1}
    runners = {name: open_onnx(directory / f"{name}.onnx", part, threads=THREADS) for name in EXPORTERS}
    return {name: _turn(lambda run=run: run(picture)) for name, run in runners.items()}


def _eager_turn(process: subprocess.Popen[str]) -> Turn:
    def turn() -> list[float]:
        print(1 + CALLS, file=process.stdin, flush=True)
        return json.loads(process.stdout.readline())[1:]

    return turn


def _turn(call: Callable[[], Any]) -> Turn:
    def turn() -> list[float]:
        call()
        times = []
        for _ in range(CALLS):
            started = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - started))
        return times

    return turn


def _picture(shape: tuple[int, ...]) -> Any:
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


def _bytes_of(bundle: Path) -> dict[str, int]:
    from mmzoo.bundle import read_manifest

    return {f"{artifact.format} {artifact.precision}": artifact.bytes for artifact in read_manifest(bundle).artifacts}


def _rows(medians: Mapping[str, float], sizes: Mapping[str, int]) -> list[Row]:
    fastest = min(EXPORTERS, key=lambda name: medians[name])
    onnx, onnx_name = medians[fastest], f"transformers, ONNX by torch ({fastest})"
    eager, eager_name = medians["torch eager"], "transformers, torch eager"
    return [
        Row("onnx_fp32_latency_ratio", medians["onnx fp32"] / onnx),
        Row("onnx_fp32_latency", medians["onnx fp32"], onnx, onnx_name, "ms"),
        Row("onnx_int8_latency_ratio", medians["onnx int8"] / onnx),
        Row("onnx_int8_latency", medians["onnx int8"], onnx, onnx_name, "ms"),
        Row("onnx_int8_bytes_ratio", sizes["onnx int8"] / sizes["onnx fp32"]),
        Row("tflite_fp32_latency", medians["tflite fp32"], eager, eager_name, "ms"),
        Row("tflite_int8_latency_ratio", medians["tflite int8"] / eager),
        Row("tflite_int8_latency", medians["tflite int8"], eager, eager_name, "ms"),
        Row("tflite_int8_bytes_ratio", sizes["tflite int8"] / sizes["tflite fp32"]),
    ]
