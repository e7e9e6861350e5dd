"""A checkpoint of another library: safetensors in one file or in shards, read tensor by tensor, without torch and never a pickle."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path

import numpy as np

from mmzoo.pretrained.headers import DTYPES, StoredTensor, parse_json, read_header

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_BLOCK = 2**20  # bytes, less than a processor's cache
_MAX_INDEX = 16 * 2**20


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The tensors of a folder by name, checked for where they lie; their values are read when asked for."""

    folder: Path
    tensors: dict[str, StoredTensor]
    metadata: dict[str, str]

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name].shape

    def read(self, name: str) -> np.ndarray:
        """A tensor's values in its own dtype; bfloat16, which numpy has not, as the same numbers in float32.

        Raises as blocks does.
        """
        shape = self.shape(name)
        values = next(self.blocks(name, math.prod(shape)), np.empty(0, np.float32))
        return values.reshape(shape)

    def blocks(self, name: str, row: int = 1) -> Iterator[np.ndarray]:
        """A tensor's values in their order, a megabyte at a time, as flat arrays of whole rows; each is gone when the next comes.

        They are read, not mapped: the pages of a map would count as this process's memory beside the model.
        Raises OSError where the disk fails, ValueError where the file has become shorter since it was opened.
        """
        tensor = self.tensors[name]
        stored = np.dtype(DTYPES[tensor.dtype])
        left, row = math.prod(tensor.shape), max(row, 1)
        scratch = np.empty(min(left, max(row, _BLOCK // stored.itemsize // row * row)), stored)
        with tensor.file.open("rb", buffering=0) as file:
            file.seek(tensor.start)
            while left:
                values = scratch[:left]
                _fill(values, file, tensor.file)
                left -= len(values)
                yield _upper_half(values) if tensor.dtype == "BF16" else values


def open_checkpoint(folder: str | Path, stem: str = "model") -> Checkpoint:
    """Opens stem.safetensors of a folder, or else the shards that stem.safetensors.index.json names.

    Raises FileNotFoundError where neither is there, or a shard is not; ValueError for damaged files, an index that does not fit its
    shards, or one that names files elsewhere.
    """
    folder = Path(folder)
    single, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if single.exists():
        return Checkpoint(folder, *read_header(single))
    if index.exists():
        return _open_shards(folder, index)
    raise FileNotFoundError(_nothing_found(folder, stem))


def find_stem(folder: str | Path, stems: Sequence[str]) -> str:
    """The first of several names that a folder's checkpoint goes by; the first of all where there is none, for its error."""
    names = [f"{stem}{ending}" for stem in stems for ending in (".safetensors", ".safetensors.index.json")]
    found = next((name for name in names if (Path(folder) / name).exists()), None)
    return stems[0] if found is None else found.removesuffix(".index.json").removesuffix(".safetensors")


def _open_shards(folder: Path, index: Path) -> Checkpoint:
    if index.stat().st_size > _MAX_INDEX:
        raise ValueError(f"{index} must have at most {_MAX_INDEX:,} bytes, received {index.stat().st_size:,}")
    places = parse_json(index, index.read_bytes()).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(shard, str) for shard in places.values()):
        raise ValueError(f"{index} must have a weight_map of tensor names to file names")
    found: dict[str, StoredTensor] = {}
    metadata: dict[str, str] = {}
    for shard in sorted(set(places.values())):
        tensors, metadata = read_header(_shard_path(folder, index, shard))
        for name, tensor in tensors.items():
            if places.get(name) != shard:
                raise ValueError(
                    f"{index} must say of every tensor where it is, and {shard} has {name!r}, "
                    f"which it puts into {places.get(name, 'none')}"
                )
            found[name] = tensor
    if missing := [name for name in places if name not in found]:
        raise ValueError(f"{index} must name tensors that are there, and {places[missing[0]]} has no {missing[0]!r}")
    return Checkpoint(folder, found, metadata)


def _shard_path(folder: Path, index: Path, shard: str) -> Path:
    """A shard's file, refused where the index or a link leads out of the folder: the index came with the checkpoint."""
    if Path(shard).name != shard or "\\" in shard or "\0" in shard or not shard.endswith(".safetensors"):
        raise ValueError(f"{index} must name .safetensors files of its own folder, received {shard[:200]!r}")
    path = folder / shard
    if not path.exists():
        raise FileNotFoundError(f"{index} names {shard}, which must be beside it and is not")
    home = folder.resolve()
    # Hugging Face's cache keeps files in blobs/ and links to them from snapshots/REVISION/.
    allowed = [home, home.parents[1] / "blobs"] if home.parent.name == "snapshots" else [home]
    if not any(path.resolve().is_relative_to(place) for place in allowed):
        raise ValueError(f"{path} must be a file of its folder, received a link to {path.resolve()}")
    return path


def _nothing_found(folder: Path, stem: str) -> str:
    wanted = f"{folder} must hold {stem}.safetensors, or {stem}.safetensors.index.json and its shards"
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if others := [name for name in names if name.endswith(".safetensors") and (folder / name).exists()]:
        return f"{wanted}, found {', '.join(others[:3])}"
    if pickles := [name for name in names if name.endswith(_PICKLES)]:
        return (
            f"{wanted}, found {pickles[0]}, and pickles are never read because reading one can run any code: convert it where you "
            f"trust it, with safetensors.torch.save_file(torch.load({pickles[0]!r}, weights_only=True), '{stem}.safetensors')"
        )
    return f"{wanted}, found {'neither' if folder.is_dir() else 'no folder'}"


def _fill(values: np.ndarray, file: FileIO, path: Path) -> None:
    rest = values.view(np.uint8).data
    while rest:
        if not (count := file.readinto(rest)):
            raise ValueError(f"{path} must not change while it is read, and has become shorter")
        rest = rest[count:]


def _upper_half(bits: np.ndarray) -> np.ndarray:
    """bfloat16 is the upper half of a float32."""
    wide = bits.astype("<u4")
    wide <<= 16
    return wide.view("<f4")
