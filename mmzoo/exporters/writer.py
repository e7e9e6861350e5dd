"""From a Keras model to a proven bundle."""

from __future__ import annotations

import importlib.metadata
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import keras
import numpy as np

import mmzoo
from mmzoo.atomic import whole_directory
from mmzoo.bundle import FORMATS, Artifact, Manifest, PartEntry, SamplesEntry
from mmzoo.bundle.chatter import quiet
from mmzoo.bundle.manifest import read_manifest, write_manifest
from mmzoo.bundle.reader import open_format
from mmzoo.bundle.samples import Golden, write_samples
from mmzoo.checksums import SUMS, list_files, read_sums, sha256_path, size_of, write_sums
from mmzoo.exporters.card import write_card
from mmzoo.exporters.onnx import write_onnx
from mmzoo.exporters.parity import Bars, check_parity, golden_outputs
from mmzoo.exporters.parts import float32_compute, parts_of
from mmzoo.exporters.samples import sample_inputs
from mmzoo.exporters.saved_model import write_saved_model
from mmzoo.exporters.tflite import write_tflite
from mmzoo.exporters.trace import Trace, trace_part

SAVED_MODEL = "saved_model/1"
_SCRATCH = ".scratch"
_RUNTIMES = {"saved_model": (), "tflite": ("ai-edge-litert",), "onnx": ("tf2onnx", "onnx")}


def export(
    model: Any,
    directory: str | Path,
    formats: Sequence[str] = FORMATS,
    *,
    samples: Mapping[str, np.ndarray] | None = None,
    metrics: Mapping[str, float] | None = None,
    atol: float = 1e-4,
    rtol: float = 0.0,
    min_cosine: float = 0.99999,
    overwrite: bool = False,
) -> Manifest:
    """Writes a model as SavedModel, TFLite and ONNX files proven to answer as it does, and returns their manifest.

    model: any functional keras.Model, exported as the part "model", or one with export_parts(), as a CLIP's two towers.
    directory: where the bundle appears, whole or not at all. formats: of "saved_model", "tflite", "onnx".
    samples: {input name: array (N, ...)}, real inputs to prove the files with; default 8 seeded synthetic ones.
    metrics: {name: figure}, for the manifest and the model card; "NAME_chance" is shown beside NAME.
    overwrite: replaces an earlier export in one step, once the new one is whole.

    Each file is loaded again in its own runtime and must satisfy |a - b| <= atol + rtol |b| against the Keras model
    computing in float32, with a cosine of at least min_cosine between the two outputs for each sample.

    Raises: RuntimeError on another backend than TensorFlow, whose graphs the formats are made from; FileExistsError
    where directory exists; ParityError for a file that answers differently; ValueError for an unknown format, samples
    or metrics that do not fit, and a model that cannot be converted; OSError where the disk does not take the files.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"export must run on the TensorFlow backend, received {keras.backend.backend()!r}: save the model as "
            ".keras, set KERAS_BACKEND=tensorflow and load it there"
        )
    formats = _checked_formats(formats)
    figures = _checked_metrics(metrics or {})
    parts = parts_of(model)
    inputs = sample_inputs(parts, samples)
    target = Path(directory).absolute()
    with whole_directory(target, replaces=_is_bundle if overwrite else None) as temporary:
        with quiet(), ExitStack() as in_float32:
            for part in parts.values():
                in_float32.enter_context(float32_compute(part.model))
            goldens = {name: Golden(inputs[name], golden_outputs(part, inputs[name])) for name, part in parts.items()}
            traces = {name: trace_part(name, part) for name, part in parts.items()}
            bars = Bars(atol, rtol, min_cosine)
            artifacts = tuple(
                _prove(temporary, path, format, traces[name].entry, goldens[name], bars)
                for name, format, path in _write_formats(traces, temporary, formats)
            )
        manifest = Manifest(
            model=getattr(model, "name", type(model).__name__.lower()),
            created_by=_versions(formats),
            samples=SamplesEntry(artifacts[0].samples, "synthetic" if samples is None else "real"),
            parts={name: trace.entry for name, trace in traces.items()},
            artifacts=artifacts,
            metrics=figures,
        )
        write_samples(goldens, temporary)
        if hasattr(model, "save_assets"):
            model.save_assets(temporary)
        write_manifest(manifest, temporary)
        write_card(manifest, temporary)
        write_sums(temporary)
    return manifest


def _checked_formats(formats: Sequence[str]) -> tuple[str, ...]:
    unknown = [formats] if isinstance(formats, str) else [format for format in formats if format not in FORMATS]
    if unknown or not formats:
        raise ValueError(f"formats must be a sequence of {', '.join(FORMATS)}, received {formats!r}")
    return tuple(format for format in FORMATS if format in formats)


def _checked_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    figures = {name: float(figure) for name, figure in metrics.items()}
    if wrong := [name for name, figure in figures.items() if not math.isfinite(figure)]:
        raise ValueError(f"metrics must be finite, received {', '.join(f'{name}={figures[name]}' for name in wrong)}")
    return figures


def _is_bundle(path: Path) -> bool:
    """An earlier export and nothing else: replacing it loses no file that somebody put beside the export's own."""
    try:
        read_manifest(path)
        listed = {*read_sums(path), SUMS}
    except (OSError, ValueError):
        return False
    return set(list_files(path)) <= listed


def _write_formats(
    traces: Mapping[str, Trace], directory: Path, formats: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    """Writes all files, one by one, and yields each one's part, format and relative path."""
    saved_model = directory / (SAVED_MODEL if "saved_model" in formats else _SCRATCH)
    if {"saved_model", "tflite"} & set(formats):
        write_saved_model(traces, saved_model)
    for name, trace in traces.items():
        if "saved_model" in formats:
            yield name, "saved_model", SAVED_MODEL
        if set(formats) != {"saved_model"}:
            (directory / name).mkdir()
        if "tflite" in formats:
            write_tflite(trace, saved_model, directory / name / "model.tflite")
            yield name, "tflite", f"{name}/model.tflite"
        if "onnx" in formats:
            write_onnx(trace, directory / name / "model.onnx")
            yield name, "onnx", f"{name}/model.onnx"
    shutil.rmtree(directory / _SCRATCH, ignore_errors=True)


def _prove(directory: Path, path: str, format: str, part: PartEntry, golden: Golden, bars: Bars) -> Artifact:
    """Loads a written file in its own runtime, compares, and states what was found."""
    parity = check_parity(part.name, format, open_format(format, directory / path, part), golden, bars)
    return Artifact(
        part=part.name,
        format=format,
        precision="fp32",
        path=path,
        bytes=size_of(directory / path),
        sha256=sha256_path(directory / path),
        max_abs_diff=parity.max_abs_diff,
        min_cosine=parity.min_cosine,
        samples=golden.count,
    )


def _versions(formats: Sequence[str]) -> dict[str, str]:
    import tensorflow as tf

    versions = {"mmzoo": mmzoo.__version__, "keras": keras.__version__, "tensorflow": tf.__version__}
    for format in formats:
        versions |= {name: importlib.metadata.version(name) for name in _RUNTIMES[format]}
    if "onnx" in formats:
        import onnxruntime

        versions["onnxruntime"] = onnxruntime.__version__
    return versions
