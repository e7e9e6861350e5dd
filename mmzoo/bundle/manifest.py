"""manifest.json: what a bundle holds, and the figures that prove it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from mmzoo.signature import TensorSpec, Writing

MANIFEST = "manifest.json"
SCHEMA = 1
KINDS = ("real", "synthetic")
PRECISIONS = ("fp32", "fp16", "int8")
_REQUIRED = {
    "part": str,
    "format": str,
    "precision": str,
    "path": str,
    "bytes": int,
    "sha256": str,
    "samples": int,
}  # an artifact's fields and their types in JSON


@dataclass(frozen=True)
class PartEntry:
    """One program of a bundle: its name, and its named inputs and outputs with None for the free batch axis.

    writing: how texts are written with it, where it gives the logits of the next token. pictures: outputs that are pictures in
    [0, 255], as numbers or as PNG files.
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    writing: Writing | None = None
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Artifact:
    """One part in one format, with the largest difference and the smallest cosine found over all samples.

    Both are None, and samples is 0, where no runtime at the place of the export could run it.
    path is relative to the bundle; sha256 and bytes are of the file, or of all files where it is a directory. files:
    further files it cannot be loaded without, such as ONNX external data; bytes counts them. needs: packages a loader
    must have besides the format's runtime. batch: the batch axis where it is fixed. metrics: figures of this precision
    on the evaluation set. past_gate: what the gate would have refused it for, where it was off. differs_on: classes of
    strings whose token ids differ from tokenizer.json's. mean_levels: of a part that gives pictures, how many of 255 levels they
    are off in the mean.
    """

    part: str
    format: str
    precision: str
    path: str
    bytes: int
    sha256: str
    max_abs_diff: float | None
    min_cosine: float | None
    samples: int
    files: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    batch: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    differs_on: tuple[str, ...] = ()
    past_gate: str = ""
    mean_levels: float | None = None

    @property
    def described_parity(self) -> tuple[str, str]:
        """For a person: ("1.5e-07", "0.9999999")."""
        if self.max_abs_diff is None or self.min_cosine is None:
            return "not run", "not run"
        return f"{self.max_abs_diff:.1e}", f"{self.min_cosine:.7f}"

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything it consists of, relative to the bundle."""
        return (self.path, *self.files)


@dataclass(frozen=True)
class SamplesEntry:
    """How many samples samples.npz holds, and whether they are "real" or "synthetic"."""

    count: int
    kind: str


@dataclass(frozen=True)
class Manifest:
    """The whole manifest. created_by: package name to version; metrics: name to figure, as given to export."""

    model: str
    created_by: Mapping[str, str]
    samples: SamplesEntry
    parts: Mapping[str, PartEntry]
    artifacts: tuple[Artifact, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)

    def artifact(self, part: str, format: str, precision: str = "fp32") -> Artifact:
        """The artifact of that part, format and precision.

        Raises ValueError if the bundle has none: the message lists those it has.
        """
        for artifact in self.artifacts:
            if (artifact.part, artifact.format, artifact.precision) == (part, format, precision):
                return artifact
        present = ", ".join(f"{a.part}/{a.format}/{a.precision}" for a in self.artifacts)
        raise ValueError(f"artifact must be one the bundle holds ({present}), received {part}/{format}/{precision}")


def encode_manifest(manifest: Manifest) -> str:
    """The JSON text of a manifest, schema 1. Raises ValueError for NaN and infinity, which JSON has no form of."""
    content = {
        "schema": SCHEMA,
        "model": manifest.model,
        "created_by": dict(manifest.created_by),
        "samples": vars(manifest.samples),
        "parts": {name: _encode_part(part) for name, part in manifest.parts.items()},
        "artifacts": [_encode_artifact(artifact) for artifact in manifest.artifacts],
        "metrics": dict(manifest.metrics),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def decode_manifest(text: str) -> Manifest:
    """A manifest from its JSON text.

    Raises ValueError where the text is no JSON, has another schema than 1, lacks a field, or where a field has a wrong
    type or names a file outside the bundle.
    """
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{MANIFEST} must be JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{MANIFEST} must be a JSON object, received {type(content).__name__}")
    schema = _get(content, "schema", int, MANIFEST)
    if schema != SCHEMA:
        raise ValueError(f"{MANIFEST} must have schema {SCHEMA}, received {schema}: a newer mmzoo may read it")
    parts = {name: _decode_part(name, part) for name, part in _get(content, "parts", dict, MANIFEST).items()}
    artifacts = tuple(_decode_artifact(entry, parts) for entry in _get(content, "artifacts", list, MANIFEST))
    samples = _get(content, "samples", dict, MANIFEST)
    kind = _get(samples, "kind", str, "samples")
    if kind not in KINDS:
        raise ValueError(f"samples: kind must be one of {', '.join(KINDS)}, received {kind!r}")
    created_by = _get(content, "created_by", dict, MANIFEST)
    metrics = _get(content, "metrics", dict, MANIFEST)
    return Manifest(
        model=_get(content, "model", str, MANIFEST),
        created_by={name: _get(created_by, name, str, "created_by") for name in created_by},
        samples=SamplesEntry(_get(samples, "count", int, "samples"), kind),
        parts=parts,
        artifacts=artifacts,
        metrics={name: _get(metrics, name, float, "metrics") for name in metrics},
    )


def read_manifest(directory: str | Path) -> Manifest:
    """Reads a bundle's manifest.json.

    Raises FileNotFoundError where there is none, ValueError as decode_manifest does.
    """
    path = Path(directory) / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"a bundle must have a {MANIFEST}, found none in {directory}")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{MANIFEST} must be UTF-8: {error}") from error
    return decode_manifest(text)


def write_manifest(manifest: Manifest, directory: str | Path) -> None:
    """Writes manifest.json into a directory."""
    (Path(directory) / MANIFEST).write_text(encode_manifest(manifest), encoding="utf-8")


def _encode_artifact(artifact: Artifact) -> dict[str, Any]:
    """Fields that are empty are left out."""
    return {
        name: value for name, value in vars(artifact).items() if name in _REQUIRED or value not in ((), {}, None, "")
    }


def _encode_part(part: PartEntry) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "inputs": [_encode_spec(spec) for spec in part.inputs],
        "outputs": [_encode_spec(spec) for spec in part.outputs],
    }
    if part.pictures:
        entry["pictures"] = list(part.pictures)
    return entry if part.writing is None else entry | {"writing": dict(vars(part.writing))}


def _encode_spec(spec: TensorSpec) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": spec.name, "shape": list(spec.shape), "dtype": spec.dtype}
    if spec.range is not None:
        entry["range"] = [int(bound) if float(bound).is_integer() else bound for bound in spec.range]
    return entry


def _decode_spec(entry: Any, where: str) -> TensorSpec:
    name = _get(entry, "name", str, where)
    shape = _get(entry, "shape", list, where)
    if not all(side is None or (_is(side, int) and side >= 0) for side in shape):
        raise ValueError(f"{where}: shape must be a list of lengths and null, received {shape!r}")
    bounds = entry.get("range")
    if bounds is not None and not (
        isinstance(bounds, list) and len(bounds) == 2 and all(_is(bound, float) for bound in bounds)
    ):
        raise ValueError(f"{where}: range must be a list of two numbers, received {bounds!r}")
    return TensorSpec(name, tuple(shape), _get(entry, "dtype", str, where), tuple(bounds) if bounds else None)


def _decode_part(name: str, entry: Any) -> PartEntry:
    where = f"part {name!r}"
    inputs, outputs = (
        tuple(_decode_spec(spec, where) for spec in _get(entry, side, list, where)) for side in ("inputs", "outputs")
    )
    writing = _decode_writing(_get(entry, "writing", dict, where), where) if "writing" in entry else None
    pictures = _get(entry, "pictures", list, where) if "pictures" in entry else []
    if unknown := [each for each in pictures if each not in [spec.name for spec in outputs]]:
        raise ValueError(f"{where}: pictures must be names of outputs, received {unknown!r:.80}")
    return PartEntry(name, inputs, outputs, writing, tuple(pictures))


def _decode_writing(entry: Any, where: str) -> Writing:
    numbers = {name: _get(entry, name, int, where) for name in ("start_id", "end_id", "pad_id", "context_length")}
    unwritten, languages = _get(entry, "unwritten_ids", list, where), _get(entry, "language_ids", dict, where)
    if not all(_is(each, int) and each >= 0 for each in (*numbers.values(), *unwritten, *languages.values())):
        raise ValueError(f"{where}: writing must be made of whole numbers from 0, received {entry!r:.80}")
    return Writing(**numbers, unwritten_ids=tuple(unwritten), language_ids=languages)


def _decode_artifact(entry: Any, parts: Mapping[str, PartEntry]) -> Artifact:
    where = "an entry of artifacts"
    required = {name: _get(entry, name, _REQUIRED[name], where) for name in _REQUIRED}
    lists = [name for name in ("files", "needs", "differs_on") if name in entry]
    optional: dict[str, Any] = {name: tuple(_get(entry, name, list, where)) for name in lists}
    for name, values in optional.items():
        if not all(isinstance(value, str) for value in values):
            raise ValueError(f"{where}: {name} must be a list of strings, received {list(values)!r:.80}")
    figures = [name for name in ("max_abs_diff", "min_cosine", "mean_levels") if name in entry]
    optional |= {name: _get(entry, name, float, where) for name in figures}
    if required["samples"] and not {"max_abs_diff", "min_cosine"} <= optional.keys():
        raise ValueError(f"{where} must have the fields max_abs_diff and min_cosine, received {entry!r:.80}")
    optional = {"max_abs_diff": None, "min_cosine": None} | optional
    optional["past_gate"] = _get(entry, "past_gate", str, where) if "past_gate" in entry else ""
    optional["batch"] = _get(entry, "batch", int, where) if "batch" in entry else None
    metrics = _get(entry, "metrics", dict, where) if "metrics" in entry else {}
    optional["metrics"] = {name: _get(metrics, name, float, "metrics of an artifact") for name in metrics}
    artifact = Artifact(**required, **optional)
    if artifact.part not in parts:
        raise ValueError(f"{where}: part must be one of {', '.join(parts)}, received {artifact.part!r}")
    if artifact.batch is not None and artifact.batch < 1:
        raise ValueError(f"{where}: batch must be at least 1, received {artifact.batch}")
    for name in artifact.paths:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"{where}: path must lie inside the bundle, received {name!r}")
    return artifact


def _is(value: Any, kind: type) -> bool:
    """isinstance for JSON: a whole number is a float too, and true is no number."""
    return isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)


def _get(entry: Any, name: str, kind: type, where: str) -> Any:
    if not isinstance(entry, dict) or name not in entry:
        raise ValueError(f"{where} must have the field {name!r}, received {entry!r:.80}")
    if not _is(entry[name], kind):
        raise ValueError(f"{where}: {name} must be of type {kind.__name__}, received {entry[name]!r:.80}")
    return entry[name]


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
