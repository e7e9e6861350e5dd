"""README.md of a bundle: the model card."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmzoo.bundle import Artifact, Manifest, PartEntry
from mmzoo.checksums import list_files, size_of
from mmzoo.exporters.pictures import IMAGE_BYTES, LIMITS

_FILES = {
    "manifest.json": "what is here, and the figures above, for programs",
    "samples.npz": "the sample inputs (`PART/inputs/NAME`) and the Keras model's answers (`PART/outputs/NAME`)",
    "tokenizer.json": "text to token ids, in the format of the `tokenizers` package",
    "preprocessing.json": "how a picture of any size becomes the image input",
    "labels.json": "`labels`, the classes in the order of the output's columns; for zero-shot ones also the `templates` they were put into",
    "SHA256SUMS": "`sha256sum -c SHA256SUMS` checks every file",
}

LISTED = 20  # labels that the card names
CHANCE = "_chance"  # a metric of this ending is the chance level of the one without it


def write_card(manifest: Manifest, directory: Path) -> None:
    """Writes README.md: inputs and outputs, files with size and parity, metrics, how to run each format, versions."""
    present = {*list_files(directory), "manifest.json", "SHA256SUMS"}
    sections = [
        f"# {manifest.model}",
        _introduction(manifest, directory),
        "## Inputs and outputs",
        _table(("part", "", "name", "shape", "dtype", "range"), _signature_rows(manifest.parts.values())),
        *_labels(directory),
        "## Files and parity",
        _parity_note(manifest),
        _parity_table(manifest.artifacts),
        *_notes(manifest),
        "\n".join(f"- `{name}`: {purpose}" for name, purpose in _FILES.items() if name in present),
        *_evaluation(manifest),
        *_metrics(manifest),
        "## Running it",
        "From inside this directory; the part and the names are in the first table.",
        *_snippets(manifest),
        "## Made with",
        ", ".join(f"{package} {version}" for package, version in manifest.created_by.items()),
    ]
    (directory / "README.md").write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _introduction(manifest: Manifest, directory: Path) -> str:
    parts = ", ".join(f"`{name}`" for name in manifest.parts)
    size = _size(sum(size_of(directory / path) for path in {path for a in manifest.artifacts for path in a.paths}))
    count = "one part" if len(manifest.parts) == 1 else f"{len(manifest.parts)} parts"
    fixed = {artifact.batch for artifact in manifest.artifacts if artifact.batch}
    but = f", but TFLite files, which take {', '.join(map(str, fixed))}" if fixed else ""
    return (
        f"A Keras model exported by mmzoo: {count} ({parts}), {size} in all. Each file takes any batch size{but}. "
        "`mmzoo verify .` checks all of it."
    )


def _labels(directory: Path) -> list[str]:
    """The classes of labels.json, numbered as the columns; those of several tasks a line each."""
    path = directory / "labels.json"
    if not path.exists():
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    named = {name: each["labels"] for name, each in content.get("tasks", {"": content}).items() if "labels" in each}
    return [f"{f'`{name}`' if name else 'Columns'}: {_listed(labels)}" for name, labels in named.items()]


def _listed(labels: Sequence[str]) -> str:
    more = f", ... {len(labels) - 1} {labels[-1]}" if len(labels) > LISTED else ""
    return ", ".join(f"{index} {label}" for index, label in enumerate(labels[:LISTED])) + more


def _signature_rows(parts: Iterable[PartEntry]) -> Iterable[Sequence[str]]:
    for part in parts:
        for side, specs in (("in", part.inputs), ("out", part.outputs)):
            for spec in specs:
                bounds = "" if spec.range is None else f"{spec.range[0]:g} to {spec.range[1]:g}"
                yield part.name, side, f"`{spec.name}`", spec.described_shape, spec.dtype, bounds


def _parity_note(manifest: Manifest) -> str:
    return (
        f"Each file was loaded again in its own runtime and compared with the Keras model on {manifest.samples.count} "
        f"{manifest.samples.kind} samples, raw forms on files made of them and on strings of many scripts."
        + " Differences of pictures are in levels of 0 to 255."
        * any(part.pictures for part in manifest.parts.values())
    )


def _notes(manifest: Manifest) -> list[str]:
    """What a user of some of the files must know."""
    notes = []
    for need in dict.fromkeys(need for artifact in manifest.artifacts for need in artifact.needs):
        paths = dict.fromkeys(artifact.path for artifact in manifest.artifacts if need in artifact.needs)
        notes.append(f"{_code(paths)}: needs {need} besides the runtime")
    for artifact in manifest.artifacts:
        if artifact.past_gate:
            notes.append(f"{_code([artifact.path])}: kept with the gate off, which says: {artifact.past_gate}")
        if artifact.files:
            notes.append(f"{_code([artifact.path])}: its weights are in {_code(artifact.files)}, beside it")
        if artifact.differs_on:
            notes.append(
                f"{_code([artifact.path])}: other token ids than `tokenizer.json`'s for strings with "
                f"{', '.join(artifact.differs_on)}"
            )
    pictures = [name for name, part in manifest.parts.items() if any(spec.name == IMAGE_BYTES for spec in part.inputs)]
    notes += [f"`{name}` reads pictures inside the graph: {'; '.join(LIMITS)}" for name in pictures]
    return ["\n".join(f"- {note}" for note in notes)] if notes else []


def _takes_strings(part: PartEntry) -> bool:
    return any(spec.dtype == "string" for spec in part.inputs)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _evaluation(manifest: Manifest) -> list[str]:
    """What each format and precision is worth on the evaluation set."""
    rows = {(a.format, a.precision): a.metrics for a in manifest.artifacts if a.metrics}
    names = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    if not names:
        return []
    table = ((*key, *(f"{figures[name]:.4f}" for name in names)) for key, figures in rows.items())
    return ["## On the evaluation set", _table(("format", "precision", *(f"`{name}`" for name in names)), table)]


def _parity_table(artifacts: Sequence[Artifact]) -> str:
    header = ["part", "format", "precision", "file", "size", "samples", "max abs diff", "minimum cosine"]
    rows = [_artifact_row(artifact) for artifact in artifacts]
    levels = ["" if a.mean_levels is None else f"{a.mean_levels:.1e}" for a in artifacts]
    if any(levels):
        header.append("mean diff of pictures")
        rows = [[*row, each] for row, each in zip(rows, levels, strict=True)]
    return _table(header, rows)


def _artifact_row(artifact: Artifact) -> Sequence[str]:
    return (
        artifact.part,
        artifact.format,
        artifact.precision,
        f"`{artifact.path}`",
        _size(artifact.bytes),
        str(artifact.samples),
        *artifact.described_parity,
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _metrics(manifest: Manifest) -> list[str]:
    if not manifest.metrics:
        return []
    chances = {name for name in manifest.metrics if name.endswith(CHANCE)}
    rows = (
        (f"`{name}`", f"{figure:.4g}", f"{manifest.metrics[name + CHANCE]:.4g}" if name + CHANCE in chances else "")
        for name, figure in manifest.metrics.items()
        if name not in chances
    )
    return ["## Metrics", _table(("metric", "value", "chance"), rows)]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


def _snippets(manifest: Manifest) -> list[str]:
    """For each format present, tensors and strings in, five lines that run its first artifact on the samples."""
    firsts: dict[tuple[str, bool], Artifact] = {}
    for artifact in manifest.artifacts:
        firsts.setdefault((artifact.format, _takes_strings(manifest.parts[artifact.part])), artifact)
    return [_snippet(artifact, manifest.parts[artifact.part]) for artifact in firsts.values()]


def _snippet(artifact: Artifact, part: PartEntry) -> str:
    outputs = [spec.name for spec in part.outputs]
    values = {spec.name: f'samples["{part.name}/inputs/{spec.name}"]' for spec in part.inputs}
    match artifact.format:
        case "saved_model":
            keywords = ", ".join(f"{name}=tf.constant({value})" for name, value in values.items())
            lines = [
                "import numpy as np, tensorflow as tf",
                'samples = np.load("samples.npz")',
                f'model = tf.saved_model.load("{artifact.path}")',
                f'outputs = model.signatures["{part.name}"]({keywords})',
            ]
        case "tflite":
            step = "" if artifact.batch is None else f"[:{artifact.batch}]"
            keywords = ", ".join(f"{name}={value}{step}" for name, value in values.items())
            lines = [
                "import numpy as np; from ai_edge_litert.interpreter import Interpreter",
                'samples = np.load("samples.npz")',
                f'run = Interpreter("{artifact.path}").get_signature_runner("{part.name}")',
                f"outputs = run({keywords})",
            ]
        case _:
            with_tokenizer = _takes_strings(part)
            strings = {spec.name for spec in part.inputs if spec.dtype == "string"}
            feed = ", ".join(f'"{k}": {value}{".astype(object)" * (k in strings)}' for k, value in values.items())
            lines = [
                f"import numpy as np, onnxruntime{', onnxruntime_extensions' * with_tokenizer}",
                'samples = np.load("samples.npz")',
                "options = onnxruntime.SessionOptions()",
                *["options.register_custom_ops_library(onnxruntime_extensions.get_library_path())"] * with_tokenizer,
                f'session = onnxruntime.InferenceSession("{artifact.path}", options, providers=["CPUExecutionProvider"])',
                f"outputs = dict(zip({outputs!r}, session.run({outputs!r}, {{{feed}}})))",
            ]
    show = f'print(outputs["{outputs[0]}"].shape)'
    return "\n".join([f"{artifact.format}, part `{part.name}`:\n", "```python", *lines, show, "```"])
