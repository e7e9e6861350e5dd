"""From a Keras model to a proven bundle."""

from __future__ import annotations

import importlib.metadata
import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import keras
import numpy as np

import mmzoo
from mmzoo.atomic import whole_directory
from mmzoo.bundle import FORMATS, Artifact, Manifest, SamplesEntry, is_bundle
from mmzoo.bundle.chatter import quiet
from mmzoo.bundle.manifest import PRECISIONS, write_manifest
from mmzoo.bundle.samples import write_samples
from mmzoo.checksums import write_sums
from mmzoo.exporters.card import write_card
from mmzoo.exporters.contrast import flat_outputs
from mmzoo.exporters.files import Plan, write_files
from mmzoo.exporters.gate import DEFAULT_GATE, Gate, GateError
from mmzoo.exporters.parity import Bars
from mmzoo.exporters.parts import float32_compute, parts_of
from mmzoo.exporters.proof import judge, prove
from mmzoo.exporters.raw import forms_in_graphs, raw_golden, raw_parts
from mmzoo.exporters.samples import first_parts, goldens_of, sample_inputs
from mmzoo.exporters.tflite import FLEX
from mmzoo.exporters.trace import trace_part
from mmzoo.exporters.triton import write_triton
from mmzoo.metrics import Evaluation
from mmzoo.signature import Part, RawTexts

TOKENIZER = "tokenizer.json"
_PACKAGES = {"saved_model": (), "tflite": ("ai-edge-litert",), "onnx": ("tf2onnx", "onnx")}  # that made the files


def export(
    model: Any,
    directory: str | Path,
    formats: Sequence[str] = FORMATS,
    *,
    quantize: str | Sequence[str] | None = None,
    samples: Mapping[str, np.ndarray] | None = None,
    evaluation: Evaluation | None = None,
    gate: Gate | None = DEFAULT_GATE,
    raw: bool = True,
    layout: str | None = None,
    allow_flex: bool = False,
    tflite_batch: int | None = None,
    external_data: bool = False,
    allow_token_differences: bool = False,
    metrics: Mapping[str, float] | None = None,
    atol: float = 1e-4,
    rtol: float | None = None,
    min_cosine: float = 0.99999,
    overwrite: bool = False,
) -> Manifest:
    """Writes a model as SavedModel, TFLite and ONNX files proven to answer as it does, and returns their manifest.

    model: any functional keras.Model, exported as the part "model", or one with export_parts(), as a CLIP's two towers.
    directory: where the bundle appears, whole or not at all. formats: of "saved_model", "tflite", "onnx".
    quantize: "int8" (weights of 8 bits, activations quantized as the file runs), "fp16", or both; TFLite and ONNX files of
    these precisions are written beside the float32 ones.
    samples: {input name: array (N, ...)}, real inputs to prove the files with; default 8 seeded synthetic ones, drawn from
    the input's range where it has one, else from -1 to 1, the second half of float pictures from 0 to 255. Quantized files are
    judged on them too. Inputs have the names given to keras.Input, or "input"; outputs those of the last layers. A part that takes
    what an earlier one gives, by name, as a captioner's decoder the encoder's sequence, is proven with that: give the first's alone.
    evaluation: a set of mmzoo.metrics (retrieval_evaluation, zero_shot_evaluation, classification_evaluation with the
    names of your input and output) whose figures are measured in every format and precision and recorded.
    gate: how much a quantized file may lose, in cosine, in levels of pictures and in those figures; None keeps it whatever it lost, and the
    manifest says what the default gate would have refused it for.
    raw: also writes, for parts that have a raw form, saved_model_raw (picture files and strings in, and captions or drawn
    pictures out) and model.strings.onnx (the tokenizer inside, made of onnxruntime-extensions' operations).
    layout: "triton" adds a model repository for Triton, made of the ONNX files.
    allow_flex: lets TFLite files hold TensorFlow operations, which need a runtime with the Flex delegate; such a file
    cannot be run here, so it is kept unproven, with a warning.
    tflite_batch: fixes the batch axis of TFLite files, as delegates of phones want it; by default it is free.
    external_data: keeps the weights of ONNX files in a second file; above 1.5 GB it is done anyway.
    allow_token_differences: keeps a tokenizer in a graph that gives other ids than tokenizer.json; the manifest says for
    which strings.
    metrics: {name: figure}, for the manifest and the model card; "NAME_chance" is shown beside NAME.
    overwrite: replaces an earlier export in one step, once the new one is whole.

    Each file is loaded again in its own runtime and must satisfy |a - b| <= atol + rtol max |b| against the Keras model
    computing in float32, where max |b| is the largest value of that sample's output, with a cosine of at least
    min_cosine between the two outputs for each sample; a picture of whole numbers may be one level of 255 further off. rtol is by
    default 1e-4 for parts whose outputs may have any size, as those of a model without export_parts(), and 0 for the others. A part
    whose answers hardly differ between the samples, as an untrained classifier's, proves little: a warning says so.

    Raises: RuntimeError on another backend than TensorFlow, whose graphs the formats are made from; FileExistsError
    where directory exists; ParityError for a file that answers differently, GateError for a quantized one that lost too
    much, TokenDifferenceError for a tokenizer that gives other ids; ValueError for an unknown format, samples or metrics
    that do not fit, and a model or tokenizer that cannot be converted; OSError where the disk does not take the files.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"export must run on the TensorFlow backend, received {keras.backend.backend()!r}: save the model as "
            ".keras, set KERAS_BACKEND=tensorflow and load it there"
        )
    plan = _checked_plan(formats, quantize, layout, allow_flex, tflite_batch, external_data, allow_token_differences)
    figures = _checked_metrics(metrics or {})
    declared = parts_of(model)
    plain = {name: part for name, part in declared.items() if part.raw_output is None}
    parts = forms_in_graphs(declared, plan.formats) if raw else plain
    inputs = sample_inputs(first_parts(parts), samples)
    target = Path(directory).absolute()
    with whole_directory(target, replaces=is_bundle if overwrite else None) as temporary:
        with quiet(), ExitStack() as in_float32:
            for part in parts.values():
                in_float32.enter_context(float32_compute(part.model))
            goldens = goldens_of(parts, inputs)
            flat = [name for name in plain if len(flat_outputs(goldens[name].outputs)) == len(goldens[name].outputs)]
            traces = {name: trace_part(name, part) for name, part in parts.items()}
            raws = raw_parts(parts, traces) if raw else {}
            raws = {name: each for name, each in raws.items() if each.formats & set(plan.formats)}
            for name, each in raws.items():
                allowed = plan.allow_token_differences
                golden = raw_golden(each, parts[each.part], goldens[each.part], allow_token_differences=allowed)
                goldens[name] = golden
            traces = {name: traces[name] for name in plain}
            entries = {name: trace.entry for name, trace in traces.items()}
            entries |= {name: each.entry for name, each in raws.items()}
            proportions = {name: rtol if rtol is not None else 1e-4 * part.any_size for name, part in parts.items()}
            bars = {name: Bars(atol, proportion, min_cosine) for name, proportion in proportions.items()}
            bars |= {name: bars[each.part] for name, each in raws.items()}
            artifacts = []
            try:
                for written in write_files(traces, raws, temporary, plan):
                    # The runner lives until the next is open, so that parts of one SavedModel load it once.
                    entry, golden = entries[written.part], goldens[written.part]
                    artifact, _runner = prove(temporary, written, entry, golden, bars[written.part], gate)
                    artifacts.append(artifact)
                del _runner
                judged = judge(temporary, artifacts, entries, plain, gate, evaluation)
            except GateError as error:
                if samples is None:
                    hint = "it was judged on synthetic samples, which real ones given as samples= may treat better"
                    raise GateError(f"{error}; {hint}") from error
                raise
        if unproven := [artifact.path for artifact in judged if not artifact.samples]:
            warnings.warn(
                f"{', '.join(unproven)} needs a LiteRT with the Flex delegate, which this one lacks: it was not compared "
                "with the model",
                stacklevel=2,
            )
        if flat:
            warnings.warn(
                f"part {', '.join(flat)} gives all samples nearly the same answer, so that comparing them "
                "proves little: give samples it tells apart, or train it first",
                stacklevel=2,
            )
        manifest = Manifest(
            model=getattr(model, "name", type(model).__name__.lower()),
            created_by=_versions(judged),
            samples=SamplesEntry(next(iter(goldens.values())).count, "synthetic" if samples is None else "real"),
            parts=entries,
            artifacts=judged,
            metrics=figures,
        )
        write_samples({name: goldens[name] for name in entries}, temporary)
        if hasattr(model, "save_assets"):
            model.save_assets(temporary)
        _write_own_tokenizers(declared, temporary)
        if layout == "triton":
            write_triton(manifest, temporary)
        write_manifest(manifest, temporary)
        write_card(manifest, temporary)
        write_sums(temporary)
    return manifest


def _write_own_tokenizers(parts: Mapping[str, Part], directory: Path) -> None:
    """PART/tokenizer.json of a part that reads texts with another tokenizer than the bundle's: questions may have their own."""
    whole = directory / TOKENIZER
    for name, part in parts.items():
        for form in part.raw:
            if (
                part.raw_output is None
                and isinstance(form, RawTexts)
                and not (whole.exists() and whole.read_text(encoding="utf-8") == form.tokenizer.definition)
            ):
                (directory / name).mkdir(exist_ok=True)
                form.tokenizer.save(directory / name / TOKENIZER)


def _checked_plan(
    formats: Sequence[str],
    quantize: str | Sequence[str] | None,
    layout: str | None,
    allow_flex: bool,
    tflite_batch: int | None,
    external_data: bool,
    allow_token_differences: bool,
) -> Plan:
    unknown = [formats] if isinstance(formats, str) else [format for format in formats if format not in FORMATS]
    if unknown or not formats:
        raise ValueError(f"formats must be a sequence of {', '.join(FORMATS)}, received {formats!r}")
    asked = () if quantize is None else (quantize,) if isinstance(quantize, str) else tuple(quantize)
    precisions = tuple(precision for precision in PRECISIONS[1:] if precision in asked)
    if set(asked) - set(precisions):
        raise ValueError(f"quantize must be of {', '.join(PRECISIONS[1:])}, received {quantize!r}")
    if precisions and not {"tflite", "onnx"} & set(formats):
        raise ValueError(f"quantize must be None without the formats tflite and onnx, received {quantize!r}")
    if layout not in (None, "triton"):
        raise ValueError(f"layout must be 'triton' or None, received {layout!r}")
    if layout == "triton" and "onnx" not in formats:
        raise ValueError(f"layout='triton' must go with the format onnx, received {formats!r}")
    if tflite_batch is not None and tflite_batch < 1:
        raise ValueError(f"tflite_batch must be at least 1 or None, received {tflite_batch}")
    ordered = tuple(format for format in FORMATS if format in formats)
    return Plan(ordered, precisions, allow_flex, tflite_batch, external_data, allow_token_differences)


def _checked_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    figures = {name: float(figure) for name, figure in metrics.items()}
    if wrong := [name for name, figure in figures.items() if not math.isfinite(figure)]:
        raise ValueError(f"metrics must be finite, received {', '.join(f'{name}={figures[name]}' for name in wrong)}")
    return figures


def _versions(artifacts: Sequence[Artifact]) -> dict[str, str]:
    """Versions of the packages that made these files."""
    import tensorflow as tf

    versions = {"mmzoo": mmzoo.__version__, "keras": keras.__version__, "tensorflow": tf.__version__}
    packages = [package for artifact in artifacts for package in _PACKAGES[artifact.format]]
    if any(artifact.format == "tflite" and artifact.precision != "fp32" for artifact in artifacts):
        packages.append("ai-edge-quantizer")
    packages += [need for artifact in artifacts for need in artifact.needs if need != FLEX]
    versions |= {name: importlib.metadata.version(name) for name in dict.fromkeys(packages)}
    if any(artifact.format == "onnx" for artifact in artifacts):
        import onnxruntime

        versions["onnxruntime"] = onnxruntime.__version__
    return versions
