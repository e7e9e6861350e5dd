"""Checkpoints written as safetensors: one tensor in memory at a time, a file whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import ml_dtypes  # noqa: F401  teaches numpy the name bfloat16
import numpy as np

from mmzoo.atomic import whole_file

# numpy's names, headers' names, and the place of each in the order of a file: widest first, so that all stay aligned.
_DTYPES = {"int64": ("I64", 0), "float32": ("F32", 1), "bfloat16": ("BF16", 2), "float16": ("F16", 3)}


@dataclasses.dataclass(frozen=True)
class NewTensor:
    """A tensor to be written. dtype: "float32", "float16", "bfloat16" or "int64". make: gives its values, when their turn comes."""

    shape: tuple[int, ...]
    dtype: str
    make: Callable[[], np.ndarray]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def write_checkpoint(
    path: str | Path, tensors: Mapping[str, NewTensor], *, max_shard_bytes: int | None = None
) -> list[Path]:
    """Writes tensors to path, NAME.safetensors, and returns the files; they are those that the safetensors library writes.

    max_shard_bytes: what does not fit becomes NAME-00001-of-0000N.safetensors and NAME.safetensors.index.json beside path, the
    index last; a larger tensor has a file of its own. None: one file.
    Raises ValueError where a tensor is made in another shape or dtype than was said: the header would lie.
    """
    path = Path(path)
    ordered = dict(sorted(tensors.items(), key=lambda item: (_DTYPES[item[1].dtype][1], item[0])))
    shards = _split(ordered, max_shard_bytes)
    if len(shards) == 1:
        _write_file(path, ordered)
        return [path]
    names = [f"{path.stem}-{number:05}-of-{len(shards):05}.safetensors" for number in range(1, len(shards) + 1)]
    for name, shard in zip(names, shards, strict=True):
        _write_file(path.with_name(name), shard)
    places = {tensor: name for name, shard in zip(names, shards, strict=True) for tensor in shard}
    total = sum(tensor.nbytes for tensor in ordered.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
    index_path = path.with_name(f"{path.name}.index.json")
    with whole_file(index_path) as temporary:
        temporary.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return [*(path.with_name(name) for name in names), index_path]


def _split(tensors: dict[str, NewTensor], limit: int | None) -> list[dict[str, NewTensor]]:
    shards: list[dict[str, NewTensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if limit is not None and shards[-1] and size + tensor.nbytes > limit:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    return shards


def _write_file(path: Path, tensors: dict[str, NewTensor]) -> None:
    fields: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        dtype = _DTYPES[tensor.dtype][0]
        fields[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [start, end]}
    header = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    with whole_file(path) as temporary, temporary.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for name, tensor in tensors.items():
            values = np.asarray(tensor.make(), order="C")
            if values.shape != tensor.shape or values.dtype != np.dtype(tensor.dtype):
                raise ValueError(
                    f"tensor {name} must be made as {tensor.dtype} of shape {tensor.shape}, received {values.dtype} of {values.shape}"
                )
            file.write(values.reshape(-1).view(np.uint8).data)
