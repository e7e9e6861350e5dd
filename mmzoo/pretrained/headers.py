"""What one safetensors file says it holds (huggingface.co/docs/safetensors), believed once every number of it is checked."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

# Names in a header, and numpy's; BF16 is what numpy has not, so it is read as the bits it is.
DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
MAX_HEADER = 16 * 2**20  # the format allows 100 MB; a thousand tensors need 0.1
_MAX_RANK, _MAX_SIZE = 32, 2**63 - 1


@dataclasses.dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies. dtype: as headers name it, "F32". start, stop: bytes of the file."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def read_header(path: Path) -> tuple[dict[str, StoredTensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file, by its header; no tensor is read.

    Raises ValueError for anything but a whole, consistent file: lengths past its end, tensors that overlap or leave gaps, names that
    come twice, unknown dtypes, bytes that are not shape times dtype.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for ever
        raise ValueError(f"{path} must be a regular file")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        fields, start = _read_json(path, file, size)
    metadata = fields.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError(f"{path} must have strings as __metadata__, received {_short(metadata)}")
    tensors = {name: _read_entry(path, name, entry, start) for name, entry in fields.items()}
    _check_layout(path, tensors, start, size)
    return tensors, metadata


def parse_json(path: Path, text: bytes) -> dict[str, Any]:
    """A JSON object of a file. Raises ValueError for broken JSON, anything but an object, or a name that comes twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{path} must name everything once, found {_short(twice)} twice")
        return fields

    try:
        fields = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} must hold JSON that can be read, and does not: {error}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"{path} must hold a JSON object, received {_short(fields)}")
    return fields


def _read_json(path: Path, file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    first = file.read(8)
    if first == b"version ":
        raise ValueError(
            f"{path} must be a safetensors file, received the pointer that Git LFS left for it: git lfs pull"
        )
    length = int.from_bytes(first, "little")
    if size < 8 or length > size - 8:
        raise ValueError(
            f"{path} must be a whole safetensors file, received {size:,} bytes of which the header claims {length:,}"
        )
    if length > MAX_HEADER:
        raise ValueError(f"{path} must have a header of at most {MAX_HEADER:,} bytes, received one of {length:,}")
    text = file.read(length)
    if len(text) != length or not text.startswith(b"{"):
        raise ValueError(f"{path} must be a safetensors file whose header is JSON, received {text[:20]!r}")
    return parse_json(path, text), 8 + length


def _read_entry(path: Path, name: str, entry: Any, data_start: int) -> StoredTensor:
    where = f"tensor {_short(name)} of {path}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{where} must have dtype, shape and data_offsets, received {_short(entry)}")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"{where} must have one of the dtypes {', '.join(DTYPES)}, received {_short(dtype)}")
    if not _sizes(shape) or len(shape) > _MAX_RANK:
        raise ValueError(f"{where} must have a shape of at most {_MAX_RANK} sizes from 0, received {_short(shape)}")
    if not _sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError(f"{where} must have data_offsets [from, to], received {_short(offsets)}")
    needed = math.prod(shape) * int(DTYPES[dtype][-1])
    if offsets[1] - offsets[0] != needed:
        raise ValueError(
            f"{where} must have {needed:,} bytes for {dtype} of shape {_short(shape)}, received {offsets[1] - offsets[0]:,}"
        )
    return StoredTensor(path, dtype, tuple(shape), data_start + offsets[0], data_start + offsets[1])


def _check_layout(path: Path, tensors: dict[str, StoredTensor], start: int, size: int) -> None:
    """Every byte after the header must belong to one tensor: nothing hides in a gap, nothing is read twice."""
    end = start
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].stop)):
        if tensor.start != end:
            fault = "overlaps another" if tensor.start < end else f"leaves a gap of {tensor.start - end:,} bytes"
            raise ValueError(f"{path} must hold its tensors one after another, and {_short(name)} {fault}")
        end = tensor.stop
    if end != size:
        state = "truncated" if end > size else "followed by something else"
        raise ValueError(f"{path} must be {end:,} bytes long by its header, received {size:,}: it is {state}")


def _sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value <= _MAX_SIZE for value in values)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."
