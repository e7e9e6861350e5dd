"""How far generated pictures are from real ones as two sets of features: Fréchet and kernel distance."""

from __future__ import annotations

import operator
from typing import NamedTuple

import numpy as np

SEED = 2020
"""torch-fidelity's, so that the same subsets and splits are drawn."""


class Spread(NamedTuple):
    """A figure's mean over subsets or splits of the same pictures, and its standard deviation among them."""

    mean: float
    std: float


def frechet_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """Squared Fréchet distance between Gaussians with the mean and covariance of either set (arXiv:1706.08500, equation 6).

    real (N, D), generated (M, D), any real dtype -> 0 for equal moments, in squared units of the features. It falls with the number
    of pictures (arXiv:1911.07023): compare only what was measured with as many. FID is that of one network's features alone
    (mmzoo.pretrained.inception_2015).
    Raises ValueError for features of other shapes, fewer than two rows, or values that are not finite.
    """
    real, generated = check_features(real, generated)
    shift = real.mean(axis=0) - generated.mean(axis=0)
    ours, theirs = _factor(real), _factor(generated)
    # The eigenvalues of the covariances' product are the squares of these; those of the product itself would be exact to the
    # square root of a float's precision only, for each dimension that fewer pictures than dimensions leave empty.
    common = np.linalg.svd(ours @ theirs.T, compute_uv=False).sum()
    return float(shift @ shift + np.square(ours).sum() + np.square(theirs).sum() - 2 * common)


def kernel_distance(
    real: np.ndarray, generated: np.ndarray, *, subsets: int = 100, subset_size: int = 1000, seed: int = SEED
) -> Spread:
    """Unbiased squared maximum mean discrepancy with the kernel (x y / D + 1)^3, over random subsets (KID, arXiv:1801.01401, section 4).

    real (N, D), generated (M, D) -> 0 on average for sets of one distribution, whatever their number; it can be below 0. Subsets are
    drawn as torch-fidelity draws them for (input1, input2) = (real, generated).
    Raises ValueError as frechet_distance, and for subset_size below 2 or above either set, or subsets below 1.
    """
    real, generated = check_features(real, generated)
    most = min(len(real), len(generated))
    if not 2 <= operator.index(subset_size) <= most or operator.index(subsets) < 1:
        raise ValueError(
            f"subset_size must be from 2 to {most}, the smaller set, and subsets at least 1, received {subset_size} and {subsets}"
        )
    draws = np.random.RandomState(seed)  # torch-fidelity's generator
    found = []
    for _ in range(subsets):
        x = real[draws.choice(len(real), subset_size, replace=False)]
        y = generated[draws.choice(len(generated), subset_size, replace=False)]
        within = _off_diagonal(_kernel(x, x)) + _off_diagonal(_kernel(y, y))
        found.append(within / (subset_size * (subset_size - 1)) - 2 * _kernel(x, y).mean())
    return Spread(float(np.mean(found)), float(np.std(found)))


def check_features(real: np.ndarray, generated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of features as float64 (N, D) and (M, D).

    Raises ValueError for other shapes, fewer than two rows, or values that are not finite.
    """
    first, second = np.asarray(real, np.float64), np.asarray(generated, np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or min(len(first), len(second)) < 2:
        raise ValueError(
            f"features must be (N, D) and (M, D) with at least two rows each, received {first.shape} and {second.shape}"
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("features must be finite, received nan or infinity")
    return first, second


def _factor(features: np.ndarray) -> np.ndarray:
    """A matrix A of at most D rows with A.T @ A the covariance."""
    centred = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r")) if len(centred) > centred.shape[1] else centred


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    values = x @ (y.T / x.shape[1])
    values += 1
    cubes = values * values  # a power takes ten times as long
    cubes *= values
    return cubes


def _off_diagonal(matrix: np.ndarray) -> float:
    return float(matrix.sum() - np.trace(matrix))
