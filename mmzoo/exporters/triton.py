"""A Triton model repository inside a bundle: its ONNX files again, each as a model with a config.pbtxt."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mmzoo.bundle import Artifact, Manifest, PartEntry
from mmzoo.signature import TensorSpec

REPOSITORY = "triton"
MAX_BATCH = 64
PREFERRED_BATCHES = (8, 32)
MAX_QUEUE_DELAY = 1000  # microseconds that a request may wait for others to share its batch
_TYPES = {
    "bool": "TYPE_BOOL",
    "float16": "TYPE_FP16",
    "float32": "TYPE_FP32",
    "float64": "TYPE_FP64",
    "bfloat16": "TYPE_BF16",
    "string": "TYPE_STRING",
    **{f"{kind}{bits}": f"TYPE_{kind.upper()}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}


def write_triton(manifest: Manifest, directory: Path) -> tuple[str, ...]:
    """Writes triton/MODEL/config.pbtxt and triton/MODEL/1/ for every ONNX file of a bundle, and returns their paths.

    MODEL is the part's name in fp32, else PART_int8 or PART_fp16. The ONNX files are hard links to the bundle's own
    where the file system has them, so they take no room twice and a copy of the bundle is whole; external data is
    copied. A file that needs a package besides the runtime (a tokenizer inside) is left out: the server has none.
    Raises ValueError where the bundle has no ONNX file for it, or two files would be one model.
    """
    models = {_name(a): a for a in manifest.artifacts if a.format == "onnx" and not a.needs}
    count = sum(artifact.format == "onnx" and not artifact.needs for artifact in manifest.artifacts)
    if len(models) < count or not models:
        raise ValueError(f"layout 'triton' must have ONNX files of different names, received {list(models)}")
    return tuple(
        path for name, artifact in models.items() for path in _write_model(name, artifact, manifest, directory)
    )


def config(name: str, part: PartEntry) -> str:
    """The text of config.pbtxt for a part: onnxruntime backend, and dynamic batching where all first axes are free."""
    batched = all(spec.shape[:1] == (None,) for spec in (*part.inputs, *part.outputs))
    lines = [f"name: {_quoted(name)}", 'backend: "onnxruntime"', f"max_batch_size: {MAX_BATCH if batched else 0}"]
    for side, specs in (("input", part.inputs), ("output", part.outputs)):
        lines += [line for spec in specs for line in _tensor(side, spec, batched)]
    if batched:
        preferred = ", ".join(map(str, PREFERRED_BATCHES))
        lines += [
            "dynamic_batching {",
            f"  preferred_batch_size: [ {preferred} ]",
            f"  max_queue_delay_microseconds: {MAX_QUEUE_DELAY}",
            "}",
        ]
    return "\n".join(lines) + "\n"


def _name(artifact: Artifact) -> str:
    return artifact.part if artifact.precision == "fp32" else f"{artifact.part}_{artifact.precision}"


def _write_model(name: str, artifact: Artifact, manifest: Manifest, directory: Path) -> Iterator[str]:
    folder = f"{REPOSITORY}/{name}"
    (directory / folder / "1").mkdir(parents=True)
    (directory / folder / "config.pbtxt").write_text(config(name, manifest.parts[artifact.part]), encoding="utf-8")
    yield f"{folder}/config.pbtxt"
    _link(directory / artifact.path, directory / folder / "1" / "model.onnx")
    yield f"{folder}/1/model.onnx"
    for path in artifact.files:
        # Under the name that the ONNX file knows; not a link, since the onnx package refuses external data with several.
        target = f"{folder}/1/{PurePosixPath(path).name}"
        shutil.copyfile(directory / path, directory / target)
        yield target


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def _tensor(side: str, spec: TensorSpec, batched: bool) -> list[str]:
    """One input or output; the batch axis is not among the dims, which must not be empty: a scalar a row is reshaped."""
    if spec.dtype not in _TYPES:
        raise ValueError(f"{spec.name} must have a dtype that Triton has ({', '.join(_TYPES)}), received {spec.dtype}")
    shape = spec.shape[1:] if batched else spec.shape
    dims = ", ".join("-1" if side is None else str(side) for side in shape) or "1"
    return [
        f"{side} {{",
        f"  name: {_quoted(spec.name)}",
        f"  data_type: {_TYPES[spec.dtype]}",
        f"  dims: [ {dims} ]",
        *([] if shape else ["  reshape: { shape: [ ] }"]),
        "}",
    ]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
