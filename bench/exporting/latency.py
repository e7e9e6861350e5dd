"""Latency of one picture through CLIP ViT-B/32's image tower, and bytes of its files, against transformers on torch.

Random weights on both sides. Everybody has two threads and is measured in turns: a turn is one call that is not counted and
three that are, after a pause in which the threads of the one before go to sleep.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peers.environment import HERE as PEERS
from peers.environment import peers_python
from processes import in_fresh_process
from report import Row
from sections import Measured, progress
from turns import Turn, in_turns, turn_of, turn_of_process

THREADS, CALLS = 2, 3
EXPORTERS = ("dynamo", "torchscript")


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
            turns = (
                _our_turns(bundle)
                | _peer_turns(Path(temporary))
                | {"torch eager": turn_of_process(eager, str(1 + CALLS))}
            )
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
    return {name: turn_of(lambda run=run: run(picture), CALLS) for name, run in runners.items()}


def _peer_turns(directory: Path) -> dict[str, Turn]:
    """torch's ONNX files, opened as ours are."""
    import numpy as np

    from mmzoo.bundle import PartEntry, open_onnx
    from mmzoo.signature import TensorSpec

    pixels = TensorSpec("pixel_values", (None, 3, 224, 224), "float32")
    part = PartEntry("image", (pixels,), (TensorSpec("image_embeds", (None, 512), "float32"),))
    picture = {"pixel_values": _picture((1, 3, 224, 224)).astype(np.float32) / 127.5 - 1}
    runners = {name: open_onnx(directory / f"{name}.onnx", part, threads=THREADS) for name in EXPORTERS}
    return {name: turn_of(lambda run=run: run(picture), CALLS) for name, run in runners.items()}


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
