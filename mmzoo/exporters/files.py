"""All files of a bundle that hold a model, written one by one from the parts' traces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmzoo.exporters.onnx import quantize_onnx, write_onnx
from mmzoo.exporters.raw import RawPart, write_raw_saved_model
from mmzoo.exporters.saved_model import write_saved_model
from mmzoo.exporters.strings import onnx_differences
from mmzoo.exporters.tflite import quantize_tflite, write_tflite
from mmzoo.exporters.tokens import add_tokenizer
from mmzoo.exporters.trace import Trace
from mmzoo.signature import RawTexts

SAVED_MODEL = "saved_model/1"
SAVED_MODEL_RAW = "saved_model_raw/1"


@dataclass(frozen=True)
class Plan:
    """What to write: the formats, the precisions besides float32, and the choices export's arguments of the same name make."""

    formats: tuple[str, ...]
    precisions: tuple[str, ...]
    allow_flex: bool
    tflite_batch: int | None
    external_data: bool
    allow_token_differences: bool


@dataclass(frozen=True)
class Written:
    """One part in one file, or in a directory shared by parts, not compared with the model yet.

    paths: relative to the bundle, the one to open first. The others as in the manifest.
    """

    part: str
    format: str
    precision: str
    paths: tuple[str, ...]
    needs: tuple[str, ...] = ()
    batch: int | None = None
    differs_on: tuple[str, ...] = ()


def write_files(
    traces: Mapping[str, Trace], raws: Mapping[str, RawPart], directory: Path, plan: Plan
) -> Iterator[Written]:
    """Writes each file when it is asked for the next one, in the order of the formats."""
    if "saved_model" in plan.formats:
        yield from _write_saved_models(traces, raws, directory, plan)
    for name, trace in traces.items():
        if {"tflite", "onnx"} & set(plan.formats):
            (directory / name).mkdir(exist_ok=True)
        if "tflite" in plan.formats:
            yield from _write_tflite(name, trace, directory, plan)
        if "onnx" in plan.formats:
            yield from _write_onnx(name, trace, raws, directory, plan)


def _write_saved_models(
    traces: Mapping[str, Trace], raws: Mapping[str, RawPart], directory: Path, plan: Plan
) -> Iterator[Written]:
    write_saved_model(traces, directory / SAVED_MODEL)
    yield from (Written(name, "saved_model", "fp32", (SAVED_MODEL,)) for name in traces)
    if raws:
        path, allowed = directory / SAVED_MODEL_RAW, plan.allow_token_differences
        differs_on = write_raw_saved_model(raws, path, allow_token_differences=allowed)
        for name in raws:
            yield Written(name, "saved_model", "fp32", (SAVED_MODEL_RAW,), differs_on=differs_on[name])


def _write_tflite(name: str, trace: Trace, directory: Path, plan: Plan) -> Iterator[Written]:
    first = directory / name / "model.tflite"
    needs = write_tflite(trace, first, allow_flex=plan.allow_flex, batch=plan.tflite_batch)
    for precision in ("fp32", *plan.precisions):
        path = f"{name}/{_file_name(precision, 'tflite')}"
        if precision != "fp32":
            quantize_tflite(first, directory / path, precision)
        yield Written(name, "tflite", precision, (path,), needs, plan.tflite_batch)


def _write_onnx(name: str, trace: Trace, raws: Mapping[str, RawPart], directory: Path, plan: Plan) -> Iterator[Written]:
    first, allowed = directory / name / "model.onnx", plan.allow_token_differences
    texts = {
        key: form
        for key, raw in raws.items()
        if raw.part == name and "onnx" in raw.formats
        for form in raw.forms
        if isinstance(form, RawTexts)
    }
    differs_on = {key: onnx_differences(form, allow_differences=allowed) for key, form in texts.items()}
    for precision in ("fp32", *plan.precisions):
        if precision == "fp32":
            files = write_onnx(trace, first, external_data=plan.external_data)
        else:
            files = quantize_onnx(first, first.with_name(_file_name(precision, "onnx")), precision)
        yield Written(name, "onnx", precision, _relative(files, directory))
        for key, form in texts.items():
            target = first.with_name(_file_name(precision, "strings.onnx"))
            written = add_tokenizer(files[0], target, form.tokenizer, form.length, input=form.input, part=key)
            paths = _relative((target, *files[1:]), directory)
            yield Written(key, "onnx", precision, paths, written.needs, differs_on=differs_on[key])


def _file_name(precision: str, suffix: str) -> str:
    return f"model.{suffix}" if precision == "fp32" else f"model.{precision}.{suffix}"


def _relative(paths: tuple[Path, ...], directory: Path) -> tuple[str, ...]:
    return tuple(path.relative_to(directory).as_posix() for path in paths)
