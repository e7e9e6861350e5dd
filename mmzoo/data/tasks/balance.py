"""Random draws that come out even: what makes a guess from the words alone, or the picture alone, worth nothing."""

from __future__ import annotations

import numpy as np

SPLITS: dict[str, int] = {"train": 0, "test": 1}
"""Split to the number that its random draws are derived from."""

# NumPy pads short seeds with zeros, so these keep the two kinds of generators apart.
_ORDER, _DETAIL = 1, 2


def check_request(split: str, count: int, seed: int) -> None:
    """Raises: ValueError if the split is not known, count is not an integer from 1, or seed not one from 0."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, received {split!r}")
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"count must be an integer from 1, received {count!r}")
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be an integer from 0, received {seed!r}")


def even_cells(count: int, cells: int, split: str, seed: int) -> np.ndarray:
    """Numbers 0 to cells - 1, shuffled block by block: each comes once in every `cells` of them.

    Returns (count,) int64; number i is the same whatever count is.
    """
    blocks = -(-count // cells)
    orders = [np.random.default_rng((seed, SPLITS[split], _ORDER, block)).permutation(cells) for block in range(blocks)]
    return np.concatenate(orders)[:count]


def detail(index: int, split: str, seed: int) -> np.random.Generator:
    """The generator for whatever is free in example (or pair of examples) number `index`."""
    return np.random.default_rng((seed, SPLITS[split], _DETAIL, index))
