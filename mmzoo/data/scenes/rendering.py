"""Draws a scene: a pure function of the scene and the picture's size."""

from __future__ import annotations

import math

import numpy as np

from mmzoo.data.scenes.geometry import circumradius, coverage
from mmzoo.data.scenes.scene import RGB, Object, Scene
from mmzoo.data.scenes.vocabulary import BACKGROUNDS, COLOURS, SHAPES

MIN_IMAGE_SIZE = 16


def render(scene: Scene, image_size: int = 32) -> np.ndarray:
    """The scene as a picture, anti-aliased.

    Returns (image_size, image_size, 3) uint8 RGB.
    Raises: ValueError if image_size < 16: a small square and a small circle would be the same pixels.
    """
    if image_size < MIN_IMAGE_SIZE:
        raise ValueError(f"image_size must be at least {MIN_IMAGE_SIZE}, received {image_size}")
    canvas = np.empty((image_size, image_size, 3), np.float32)
    canvas[:] = _shaded(BACKGROUNDS[scene.background], scene.shade)
    for thing in scene.objects:
        _draw(canvas, thing)
    return (canvas + 0.5).astype(np.uint8)


def _draw(canvas: np.ndarray, thing: Object) -> None:
    size = len(canvas)
    sides, radius = SHAPES[thing.shape], thing.radius * size
    x, y, far = thing.x * size, thing.y * size, radius * circumradius(sides) + 1
    left, right = max(int(x - far), 0), min(math.ceil(x + far), size)
    top, bottom = max(int(y - far), 0), min(math.ceil(y + far), size)
    across, down = np.arange(left, right) + 0.5 - x, np.arange(top, bottom) + 0.5 - y
    covered = coverage(sides, across, down, radius, np.array([math.radians(thing.angle)]))[0, :, :, None]
    window = canvas[top:bottom, left:right]
    window += covered * (_shaded(COLOURS[thing.colour], thing.shade) - window)


def _shaded(colour: RGB, shade: RGB) -> np.ndarray:
    return np.clip(np.add(colour, shade), 0, 255).astype(np.float32)
