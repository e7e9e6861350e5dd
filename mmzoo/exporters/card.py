"""README.md of a bundle: the model card."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mmzoo.bundle import Artifact, Manifest, PartEntry
from mmzoo.checksums import list_files

_FILES = {
    "manifest.json": "what is here, and the figures above, for programs",
    "samples.npz": "the sample inputs (`PART/inputs/NAME`) and the Keras model's answers (`PART/outputs/NAME`)",
    "tokenizer.json": "text to token ids, in the format of the `tokenizers` package",
    "preprocessing.json": "how a picture of any size becomes the image input",
    "SHA256SUMS": "`sha256sum -c SHA256SUMS` checks every file",
}

CHANCE = "_chance"  # a metric of this ending is the chance level of the one without it


def write_card(manifest: Manifest, directory: Path) -> None:
    """Writes README.md: inputs and outputs, files with size and parity, metrics, how to run each format, versions."""
    present = {*list_files(directory), "manifest.json", "SHA256SUMS"}
    sections = [
        f"# {manifest.model}",
        _introduction(manifest),
        "## Inputs and outputs",
        _table(("part", "", "name", "shape", "dtype", "range"), _signature_rows(manifest.parts.values())),
        "## Files and parity",
        _parity_note(manifest),
        _table(
            ("part", "format", "precision", "file", "size", "max abs diff", "minimum cosine"),
            (_artifact_row(artifact) for artifact in manifest.artifacts),
        ),
        "\n".join(f"- `{name}`: {purpose}" for name, purpose in _FILES.items() if name in present),
        *_metrics(manifest),
        "## Running it",
        "From inside this directory; the part and the names are in the first table.",
        *_snippets(manifest),
        "## Made with",
        ", ".join(f"{package} {version}" for package, version in manifest.created_by.items()),
    ]
    (directory / "README.md").write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _introduction(manifest: Manifest) -> str:
    parts = ", ".join(f"`{name}`" for name in manifest.parts)
    size = _size(sum({artifact.path: artifact.bytes for artifact in manifest.artifacts}.values()))
    count = "one part" if len(manifest.parts) == 1 else f"{len(manifest.parts)} parts"
    return (
        f"A Keras model exported by mmzoo: {count} ({parts}), {size} in all. Each file takes any batch size. "
        "`mmzoo verify .` checks all of it."
    )


def _signature_rows(parts: Iterable[PartEntry]) -> Iterable[Sequence[str]]:
    for part in parts:
        for side, specs in (("in", part.inputs), ("out", part.outputs)):
            for spec in specs:
                bounds = "" if spec.range is None else f"{spec.range[0]:g} to {spec.range[1]:g}"
                yield part.name, side, f"`{spec.name}`", spec.described_shape, spec.dtype, bounds


def _parity_note(manifest: Manifest) -> str:
    return (
        f"Each file was loaded again in its own runtime and compared with the Keras model on {manifest.samples.count} "
        f"{manifest.samples.kind} samples."
    )


def _artifact_row(artifact: Artifact) -> Sequence[str]:
    return (
        artifact.part,
        artifact.format,
        artifact.precision,
        f"`{artifact.path}`",
        _size(artifact.bytes),
        f"{artifact.max_abs_diff:.1e}",
        f"{artifact.min_cosine:.7f}",
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
    """For each format present, five lines that run its first artifact on the samples."""
    firsts: dict[str, Artifact] = {}
    for artifact in manifest.artifacts:
        firsts.setdefault(artifact.format, artifact)
    return [_snippet(artifact, manifest.parts[artifact.part]) for artifact in firsts.values()]


def _snippet(artifact: Artifact, part: PartEntry) -> str:
    names = [spec.name for spec in part.inputs]
    outputs = [spec.name for spec in part.outputs]
    wrap = {"saved_model": "tf.constant({})"}.get(artifact.format, "{}")
    values = {name: wrap.format(f'samples["{part.name}/inputs/{name}"]') for name in names}
    keywords = ", ".join(f"{name}={value}" for name, value in values.items())
    feed = ", ".join(f'"{name}": {value}' for name, value in values.items())
    match artifact.format:
        case "saved_model":
            lines = [
                "import numpy as np, tensorflow as tf",
                'samples = np.load("samples.npz")',
                f'model = tf.saved_model.load("{artifact.path}")',
                f'outputs = model.signatures["{part.name}"]({keywords})',
                f'print(outputs["{outputs[0]}"].shape)',
            ]
        case "tflite":
            lines = [
                "import numpy as np; from ai_edge_litert.interpreter import Interpreter",
                'samples = np.load("samples.npz")',
                f'run = Interpreter("{artifact.path}").get_signature_runner("{part.name}")',
                f"outputs = run({keywords})",
                f'print(outputs["{outputs[0]}"].shape)',
            ]
        case _:
            lines = [
                "import numpy as np, onnxruntime",
                'samples = np.load("samples.npz")',
                f'session = onnxruntime.InferenceSession("{artifact.path}", providers=["CPUExecutionProvider"])',
                f"outputs = dict(zip({outputs!r}, session.run({outputs!r}, {{{feed}}})))",
                f'print(outputs["{outputs[0]}"].shape)',
            ]
    return "\n".join([f"{artifact.format}, part `{part.name}`:\n", "```python", *lines, "```"])
