"""A checkpoint seen as one for pictures of another size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmzoo.layers import MeanQueryPooling, PatchEmbedding
from mmzoo.presets import ClipResNetSizes, ViTSizes
from mmzoo.pretrained.checkpoint import Checkpoint
from mmzoo.pretrained.families import Sizes
from mmzoo.pretrained.links import Link, stored_shape
from mmzoo.pretrained.positions import resize_positions
from mmzoo.pretrained.recognition import image_sizes


@dataclass(frozen=True)
class _Resized(Checkpoint):
    """The checkpoint whose tensor `name` of learned positions is resized as it is read."""

    name: str
    resized: np.ndarray

    def shape(self, name: str) -> tuple[int, ...]:
        return self.resized.shape if name == self.name else super().shape(name)

    def read(self, name: str) -> np.ndarray:
        return self.resized if name == self.name else super().read(name)

    def blocks(self, name: str, row: int = 1) -> Iterator[np.ndarray]:
        return iter([self.resized.reshape(-1)]) if name == self.name else super().blocks(name, row)


def for_image_size(
    checkpoint: Checkpoint, links: Sequence[Link], model: Any, stored: Sizes, wanted: Sizes
) -> Checkpoint:
    """The checkpoint with its learned positions resized from the stored grid to the wanted one; as it is where they agree.

    Raises ValueError where the file's positions are not those of its own configuration.
    """
    old, new = image_sizes(stored), image_sizes(wanted)
    if old is None or not isinstance(old, (ViTSizes, ClipResNetSizes)) or old.image_size == new.image_size:
        return checkpoint
    encoder = getattr(model, "image_encoder", model)
    layer = next(layer for layer in encoder.layers if isinstance(layer, (PatchEmbedding, MeanQueryPooling)))
    link = next(link for link in links if link.variables[0] is layer.positions)
    before = int(isinstance(layer, MeanQueryPooling) or layer.class_token)  # the class token's, or the mean's
    if link.name not in checkpoint:
        return checkpoint  # which the check that follows will say
    positions = checkpoint.read(link.name).astype(np.float32)
    grid, width = _grid(old), positions.shape[-1]
    if positions.size != (before + grid[0] * grid[1]) * width:
        raise ValueError(
            f"{link.name} must have {before + grid[0] * grid[1]} positions for pictures of {old.image_size} pixels, "
            f"received shape {positions.shape}"
        )
    rows = positions.reshape(-1, width)
    resized = np.concatenate([rows[:before], resize_positions(rows[before:], grid, _grid(new))])
    return _Resized(**vars(checkpoint), name=link.name, resized=resized.reshape(stored_shape(link)))


def _grid(sizes: ViTSizes | ClipResNetSizes) -> tuple[int, int]:
    height, width = sizes.image_size if isinstance(sizes.image_size, tuple) else (sizes.image_size,) * 2
    if isinstance(sizes, ViTSizes):
        return height // sizes.patch_size, width // sizes.patch_size
    return (height + 1) // 32, (width + 1) // 32
