"""Splits a picture into connected regions that differ from its background."""

from __future__ import annotations

import numpy as np


def connected(mask: np.ndarray) -> np.ndarray:
    """Labels the regions of a mask whose pixels touch along an edge.

    mask (H, W) bool -> (H, W) int64: 0 outside of the mask, 1 to the number of regions inside, in reading order.
    """
    labels = np.where(mask, np.arange(mask.size, 0, -1).reshape(mask.shape), 0)
    while True:
        grown = labels.copy()
        np.maximum(grown[1:], labels[:-1], out=grown[1:])
        np.maximum(grown[:-1], labels[1:], out=grown[:-1])
        np.maximum(grown[:, 1:], labels[:, :-1], out=grown[:, 1:])
        np.maximum(grown[:, :-1], labels[:, 1:], out=grown[:, :-1])
        grown[~mask] = 0
        # A label is also the (reversed) address of the pixel it came from: taking that pixel's label doubles each step.
        grown = np.concatenate([[0], grown.ravel()[::-1]])[grown]
        if np.array_equal(grown, labels):
            roots = np.unique(labels[mask])
            return np.where(mask, len(roots) - np.searchsorted(roots, labels), 0)  # the greatest was the first
        labels = grown


def regions(distance: np.ndarray, threshold: float) -> np.ndarray:
    """Regions of pixels that differ from the background by the threshold, and by 0.4 of what their region's most does.

    The second condition parts objects of strong contrast that only a halo (resizing, JPEG) joins.
    distance (H, W) -> labels as `connected` gives them.
    """
    labels = connected(distance > threshold)
    most = np.zeros(labels.max() + 1)
    np.maximum.at(most, labels, distance)
    return connected(distance > np.maximum(threshold, 0.4 * most[labels]))


def grow(mask: np.ndarray) -> np.ndarray:
    """The mask and every pixel that touches it along an edge."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


def core(mask: np.ndarray) -> np.ndarray:
    """The mask without the pixels at its edge; the mask itself where nothing would be left."""
    inner = ~grow(~mask)
    return inner if inner.any() else mask
