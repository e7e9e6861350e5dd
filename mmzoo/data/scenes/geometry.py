"""Ideal shapes: regular polygons and the circle, all of equal area, as coverage of pixels."""

from __future__ import annotations

import math

import numpy as np


def inradius(sides: int) -> float:
    """Distance from the centre to a side of the regular polygon with the unit circle's area; 0 sides are the circle."""
    return math.sqrt(math.pi / (sides * math.tan(math.pi / sides))) if sides else 1.0


def circumradius(sides: int) -> float:
    """Distance from the centre to a corner of the same polygon."""
    return inradius(sides) / math.cos(math.pi / sides) if sides else 1.0


def reach(sides: int, angles: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """How far the unit-area-circle polygon reaches from its centre (support function).

    angles (R,) rotation in radians, directions (D,) radians, 0 to the right and a quarter turn downwards -> (R, D).
    """
    if not sides:
        return np.ones((len(angles), len(directions)))
    step = 2 * math.pi / sides
    # Corners lie half a step from the sides' normals, the first of which points down.
    corners = math.pi / 2 + step / 2 + step * np.arange(sides)
    return circumradius(sides) * np.cos(directions[None, :, None] - angles[:, None, None] - corners).max(-1)


def coverage(sides: int, across: np.ndarray, down: np.ndarray, radius: float, angles: np.ndarray) -> np.ndarray:
    """The covered part of every pixel, anti-aliased: each side is blurred over one pixel.

    across (W,) and down (H,): pixel centres relative to the shape's centre, in pixels. radius: of the circle with the
    same area, in pixels. angles (R,): rotations in radians, clockwise; polygons stand on a side at 0.
    Returns (R, H, W) float32 in [0, 1].
    """
    if not sides:
        distance = np.sqrt(np.square(across)[None, :] + np.square(down)[:, None])
        return np.repeat(np.clip(radius + 0.5 - distance, 0, 1)[None], len(angles), 0).astype(np.float32)
    normals = angles[:, None] + (math.pi / 2 + 2 * math.pi / sides * np.arange(sides))
    outside = (np.cos(normals)[..., None, None] * across + np.sin(normals)[..., None, None] * down[:, None]).astype(
        np.float32
    )
    return np.clip(np.float32(radius * inradius(sides) + 0.5) - outside, 0, 1).prod(1)
