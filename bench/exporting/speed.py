"""Wall time and memory of exporting both towers of a CLIP in three formats, against Keras's own export of the same."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from processes import in_fresh_process
from report import Row
from sections import Measured, progress

FORMATS = ("saved_model", "tflite", "onnx")
KERAS_FORMATS = {"tf_saved_model": "", "litert": ".tflite", "onnx": ".onnx"}  # with the endings Keras wants
TOWERS = ("image_tower", "text_tower")


def measure(arguments: argparse.Namespace) -> Measured:
    """The full form exports vit_b_32 and then the preset small; the short form small alone."""
    rows, details = _compare("small", 1, "small_")
    if arguments.full:
        more, further = _compare("vit_b_32", arguments.rounds, "")
        rows, details = more + rows, further | details
    return rows, details


def _compare(preset: str, rounds: int, prefix: str) -> Measured:
    seconds: dict[str, list[float]] = {"ours": [], "stock": []}
    peaks: dict[str, list[float]] = {"ours": [], "stock": []}
    worst = 0.0
    for turn in range(rounds):
        for name, export in (("ours", export_ours), ("stock", export_stock))[:: -1 if turn % 2 else 1]:
            with tempfile.TemporaryDirectory() as directory:
                (elapsed, difference), peak = in_fresh_process(export, preset, directory)
            progress(f"{preset}, {name}: {elapsed:.1f} s, peak {peak:.2f} GiB")
            seconds[name].append(elapsed)
            peaks[name].append(peak)
            worst = max(worst, difference)
    ours, stock = (statistics.median(seconds[name]) for name in ("ours", "stock"))
    who = "model.export of Keras, unverified"
    rows = [
        Row(f"{prefix}time_ratio", ours / stock),
        Row(f"{prefix}seconds", ours, stock, who, "s, verified"),
        Row(f"{prefix}peak_memory", max(peaks["ours"]), max(peaks["stock"]), who, "GiB"),
        Row(f"{prefix}largest_difference", worst),
    ]
    return rows, {f"{prefix}rounds": {"seconds": seconds, "peak_gib": peaks}}


def export_ours(preset: str, directory: str) -> tuple[float, float]:
    """Seconds, and the largest difference from the Keras model that the manifest states."""
    import mmzoo

    model = _called(preset)
    started = time.perf_counter()
    manifest = mmzoo.export(model, Path(directory, "ours"), FORMATS, raw=False)
    seconds = time.perf_counter() - started
    assert len(manifest.artifacts) == len(FORMATS) * len(TOWERS)
    return seconds, max(artifact.max_abs_diff for artifact in manifest.artifacts)


def export_stock(preset: str, directory: str) -> tuple[float, float]:
    model = _called(preset)
    started = time.perf_counter()
    for tower in TOWERS:
        for format, ending in KERAS_FORMATS.items():
            getattr(model, tower).export(str(Path(directory, tower + ending)), format=format, verbose=False)
    return time.perf_counter() - started, 0.0


def _called(preset: str) -> Any:
    """A CLIP that was called once: Keras's export refuses a model that never was."""
    import numpy as np

    import mmzoo

    model = mmzoo.build_clip(preset)
    model.encode_image(np.full((1, *model.image_size, 3), 2, "uint8"))
    model.encode_text(np.zeros((1, model.context_length), "int32"))
    return model
