"""Looks at the pixels: which background, and which shape of which colour and size is where."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mmzoo.data.scenes.description import RELATION_MARGIN, Attributes, Description, relations
from mmzoo.data.scenes.geometry import circumradius, coverage
from mmzoo.data.scenes.rendering import MIN_IMAGE_SIZE
from mmzoo.data.scenes.scene import RGB
from mmzoo.data.scenes.segmentation import core, grow, regions
from mmzoo.data.scenes.vocabulary import BACKGROUNDS, COLOURS, SHAPES, SIZE_BOUNDARY

MIN_IOU = 0.85
"""Least overlap with an ideal shape. Real circles and squares overlap by 0.83, so less than that would say nothing."""
MIN_CONTRAST = 60.0
"""Least distance in RGB (0 to 441) between an object and the background; the least in a rendered scene is about 80."""

MAX_COLOUR_ERROR = 70.0
"""Greatest distance in RGB from the vocabulary's colour that still has its name."""

_SEGMENT = 56.0
_MIN_AREA = 0.01  # of the picture; a small object has at least 0.036
_MAX_OBJECTS = 3
_TEMPLATES: dict[str, tuple[int, np.ndarray]] = {
    name: (sides, np.radians([-8.0, -4.0, 0.0, 4.0, 8.0] if sides else [0.0])) for name, sides in SHAPES.items()
}
# Shapes that overlap an ideal one by more than MIN_IOU without being it: they must not fit clearly better.
_FOIL_MARGIN = 0.01
_FOILS: tuple[tuple[int, np.ndarray], ...] = (
    (5, np.radians(np.arange(0, 72, 12))),
    (4, np.radians([30.0, 37.5, 45.0, 52.5, 60.0])),
    (6, np.radians(np.arange(0, 60, 12))),
)


class Refusal(StrEnum):
    """Why something in a picture cannot be named."""

    UNEVEN = "the background is not one colour"
    UNKNOWN_BACKGROUND = "the background's colour has no name"
    BLANK = "nothing differs from the background"
    CLUTTER = "too many parts"
    LOW_CONTRAST = "too little contrast with the background"
    UNKNOWN_COLOUR = "the object's colour has no name"
    MIXED_COLOURS = "the object has more than one colour"
    UNKNOWN_SHAPE = "no ideal shape fits"


@dataclass(frozen=True)
class Seen:
    """One object as seen: names, None where refused; centre and radius in fractions of the picture.

    iou: soft overlap with the best fitting ideal shape of equal area and centre. contrast: distance in RGB from the
    background.
    """

    shape: str | None
    colour: str | None
    size: str
    x: float
    y: float
    radius: float
    iou: float
    contrast: float
    refused: Refusal | None


@dataclass(frozen=True)
class Reading:
    """What was seen in a picture; refused is the first reason why it cannot be named completely, None if it can."""

    background: str | None
    objects: tuple[Seen, ...]
    refused: Refusal | None

    def description(self) -> Description:
        """The reading as claims. Relations need half of a caption's margin, so that a pixel does not matter."""
        objects = tuple(Attributes(seen.shape, seen.colour, seen.size) for seen in self.objects)
        near = relations(self.objects, margin=RELATION_MARGIN / 2, dominance=1.0)
        return Description(objects, self.background, near)


def read_scene(image: np.ndarray) -> Reading:
    """Reads a scene back from pixels by comparing every object with ideal shapes, without learning.

    image (S, S, 3) in [0, 255], any dtype, S at least 16.
    Raises: ValueError for any other shape of array, or values that are not finite: they have no colour.
    """
    pixels = np.asarray(image, np.float32)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.shape[0] != pixels.shape[1] or len(pixels) < MIN_IMAGE_SIZE:
        raise ValueError(f"image must be (S, S, 3) with S at least {MIN_IMAGE_SIZE}, received shape {pixels.shape}")
    if not np.isfinite(pixels).all():
        raise ValueError("image must be finite, received NaN or infinity")
    border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    ground = np.median(border, axis=0)
    distance = np.sqrt(np.square(pixels - ground).sum(-1))
    background = _nearest(ground, BACKGROUNDS)
    labels = regions(distance, _SEGMENT)
    areas = np.bincount(labels.ravel())[1:] / labels.size
    large = np.flatnonzero(areas >= _MIN_AREA) + 1
    refused = _refuse_picture(distance, labels, areas, background)
    if refused in (Refusal.UNEVEN, Refusal.BLANK, Refusal.LOW_CONTRAST, Refusal.CLUTTER):
        return Reading(None if refused is Refusal.UNEVEN else background, (), refused)
    seen = tuple(_look(pixels, ground, labels == label, (labels > 0) & (labels != label)) for label in large)
    return Reading(background, seen, refused or next((each.refused for each in seen if each.refused), None))


def _refuse_picture(
    distance: np.ndarray, labels: np.ndarray, areas: np.ndarray, background: str | None
) -> Refusal | None:
    edge = np.concatenate([distance[0], distance[-1], distance[:, 0], distance[:, -1]])
    empty = distance[labels == 0]
    if (edge > _SEGMENT).mean() > 0.25 or not len(empty) or empty.mean() > _SEGMENT / 2:
        return Refusal.UNEVEN
    large = areas >= _MIN_AREA
    if large.sum() > _MAX_OBJECTS or areas[~large].sum() > _MIN_AREA:
        return Refusal.CLUTTER
    if not large.any():
        return Refusal.LOW_CONTRAST if (distance > _SEGMENT / 4).mean() > _MIN_AREA else Refusal.BLANK
    return Refusal.UNKNOWN_BACKGROUND if background is None else None


def _look(pixels: np.ndarray, ground: np.ndarray, mine: np.ndarray, others: np.ndarray) -> Seen:
    inside = pixels[core(mine)]
    colour = np.median(inside, axis=0)
    difference = colour - ground
    contrast = float(np.linalg.norm(difference))
    near = grow(mine) & ~others
    covered = np.where(near, np.clip((pixels - ground) @ (difference / max(contrast, 1.0) ** 2), 0, 1), 0)
    area, middle = float(covered.sum()), np.arange(len(pixels)) + 0.5
    x, y = float(covered.sum(0) @ middle / area), float(covered.sum(1) @ middle / area)
    radius = math.sqrt(area / math.pi)
    shape, iou = _fit(covered, x, y, radius)
    name = _nearest(colour, COLOURS)
    mixed = (np.sqrt(np.square(inside - colour).sum(-1)) > MIN_CONTRAST).mean() > 0.15
    refused = None
    if contrast < MIN_CONTRAST:
        refused = Refusal.LOW_CONTRAST
    elif mixed:
        refused = Refusal.MIXED_COLOURS
    elif name is None:
        refused = Refusal.UNKNOWN_COLOUR
    elif shape is None:
        refused = Refusal.UNKNOWN_SHAPE
    size = len(pixels)
    return Seen(
        shape=None if contrast < MIN_CONTRAST or mixed else shape,
        colour=None if contrast < MIN_CONTRAST or mixed else name,
        size="large" if radius / size > SIZE_BOUNDARY else "small",
        x=x / size,
        y=y / size,
        radius=radius / size,
        iou=iou,
        contrast=contrast,
        refused=refused,
    )


def _fit(covered: np.ndarray, x: float, y: float, radius: float) -> tuple[str | None, float]:
    """Name and overlap of the ideal shape that fits best; no name if the fit is poor or a foil fits better."""
    far = radius * circumradius(3) + 1
    rows = slice(max(int(y - far), 0), math.ceil(y + far))
    columns = slice(max(int(x - far), 0), math.ceil(x + far))
    window = _steepen(covered[rows, columns].astype(np.float32))
    across = np.arange(len(covered))[columns] + 0.5 - x
    down = np.arange(len(covered))[rows] + 0.5 - y

    def overlap(sides: int, angles: np.ndarray) -> float:
        ideal = _steepen(coverage(sides, across, down, radius, angles))
        shared, either = np.minimum(ideal, window).sum((1, 2)), np.maximum(ideal, window).sum((1, 2))
        return float((shared / either).max())

    fits = {name: overlap(*template) for name, template in _TEMPLATES.items()}
    best = max(fits, key=fits.__getitem__)
    fooled = any(overlap(*foil) > fits[best] + _FOIL_MARGIN for foil in _FOILS)
    return (None if fits[best] < MIN_IOU or fooled else best), fits[best]


def _steepen(covered: np.ndarray) -> np.ndarray:
    # An edge blurred over two pixels is no wrong outline: without this, blur lowers the overlap as much as a dent does.
    return np.clip(1.5 * covered - 0.25, 0, 1)


def _nearest(colour: np.ndarray, names: Mapping[str, RGB]) -> str | None:
    errors = {name: float(np.linalg.norm(colour - np.array(rgb))) for name, rgb in names.items()}
    best = min(errors, key=errors.__getitem__)
    return best if errors[best] <= MAX_COLOUR_ERROR else None
