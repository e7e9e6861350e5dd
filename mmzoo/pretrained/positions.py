"""Learned positions of a grid of patches, for a grid of another size."""

from __future__ import annotations

import math

import numpy as np

_A = (
    -0.5
)  # Keys' constant (IEEE TASSP 29 (6), 1981, equation 8): what Pillow and torch take where they filter against aliasing


def resize_positions(positions: np.ndarray, old: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    """Resizes position embeddings bicubically with antialias (Keys, 1981; ViT, arXiv:2010.11929, section 3.2).

    positions: (N, D), row by row of the grid, without a class token. old, new: (height, width) in patches. -> (N', D) float32.
    As torch.nn.functional.interpolate(mode="bicubic", antialias=True, align_corners=False).
    Raises ValueError where N is not old's, or a size is under 1.
    """
    if min(*old, *new) < 1 or positions.ndim != 2 or len(positions) != old[0] * old[1]:
        raise ValueError(
            f"positions must have shape ({old[0] * old[1]}, D) for a grid of {old} to become one of {new}, received {positions.shape}"
        )
    if tuple(old) == tuple(new):
        return positions.astype(np.float32)
    grid = positions.reshape(*old, -1).astype(np.float64)
    rows, columns = _weights(old[0], new[0]), _weights(old[1], new[1])
    resized = np.einsum("ih,jw,hwd->ijd", rows, columns, grid, optimize=True)
    return resized.reshape(new[0] * new[1], -1).astype(np.float32)


def _weights(old: int, new: int) -> np.ndarray:
    """What each of the old places adds to each of the new ones: (new, old), rows that sum to 1."""
    scale = old / new
    stretch = max(scale, 1.0)  # a smaller grid averages over all that falls into a place
    weights = np.zeros((new, old))
    for place in range(new):
        centre = scale * (place + 0.5)
        first = max(math.floor(centre - 2 * stretch + 0.5), 0)
        last = min(math.floor(centre + 2 * stretch + 0.5), old)
        weights[place, first:last] = _cubic((np.arange(first, last) - centre + 0.5) / stretch)
    return weights / weights.sum(axis=1, keepdims=True)


def _cubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near = ((_A + 2) * x - (_A + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * _A - 4 * _A
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
