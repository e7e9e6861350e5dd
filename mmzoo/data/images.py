"""Pictures by number, wherever they are kept, and views of them that copy nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Images(Protocol):
    """Pictures by number: a uint8 array (N, H, W, 3), or any sequence that decodes one when it is asked for.

    `images[i]` is (H, W, 3) uint8 of any size, or raises `UnreadableImage`. It may be asked from several threads.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class ImageView:
    """The pictures at these positions, in this order, without a copy: several questions can be about one picture.

    images: N pictures (see `Images`). indices: (M,) integers from 0 to N - 1, repeats allowed.
    Raises:  ValueError if an index is not a picture's.
    """

    images: Images
    indices: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "indices", checked_indices(self.indices, len(self.images)))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int, /) -> np.ndarray:
        # Of an array also a slice, as of the array itself.
        return self.images[self.indices[index] if isinstance(self.images, np.ndarray) else int(self.indices[index])]


@dataclass(frozen=True, eq=False)
class _Joined:
    first: Images
    second: Images

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def __getitem__(self, index: int, /) -> np.ndarray:
        split = len(self.first)
        return self.first[index] if index < split else self.second[index - split]


def join(first: Images, second: Images) -> Images:
    """The first pictures, then the second; one array if both are arrays of one size."""
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray) and first.shape[1:] == second.shape[1:]:
        return np.concatenate([first, second])
    return _Joined(first, second)


def choose(images: Images, indices: np.ndarray) -> Images:
    """The pictures at these positions: an array of an array, a view of anything else, which stays unread."""
    if isinstance(images, np.ndarray):
        return images[indices]
    if isinstance(images, ImageView):
        return ImageView(images.images, images.indices[indices])
    return ImageView(images, indices)


def in_memory(images: Images) -> bool:
    """Whether asking for a picture costs no reading and no decoding."""
    return isinstance(images, np.ndarray) or (isinstance(images, ImageView) and in_memory(images.images))


def checked_images(images: Images) -> Images:
    """The same pictures. Raises: ValueError if they are an array, but not of RGB pictures in [0, 255]."""
    if isinstance(images, np.ndarray) and (images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3):
        raise ValueError(f"images must be uint8 (N, H, W, 3) in [0, 255], received {images.dtype} {images.shape}")
    return images


def checked_picture(images: Images, index: int) -> np.ndarray:
    """The picture as its source has it, (H, W, 3) uint8.

    Raises:  UnreadableImage; ValueError if the source's own sequence returns something else than such an array.
    """
    picture = images[index]
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[-1] != 3:
        raise ValueError(f"images[{index}] must be uint8 (H, W, 3), received {picture.dtype} {picture.shape}")
    return picture


def checked_indices(indices: Sequence[int] | np.ndarray, count: int) -> np.ndarray:
    """(M,) int64. Raises: ValueError if they are not a list of integers from 0 to count - 1."""
    chosen = np.asarray(indices)
    if chosen.dtype == bool or chosen.ndim != 1 or (chosen.size and not np.issubdtype(chosen.dtype, np.integer)):
        raise ValueError(f"indices must be a list of integers, received {chosen.dtype} {chosen.shape}")
    chosen = chosen.astype(np.int64)
    if chosen.size and not (chosen.min() >= 0 and chosen.max() < count):
        raise ValueError(f"indices must be from 0 to {count - 1}, received {chosen.min()} to {chosen.max()}")
    return chosen
