"""Drawn faces that smile or frown, each a different one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

RGB = tuple[int, int, int]

_SKINS: tuple[RGB, ...] = (
    (255, 224, 196),
    (241, 194, 150),
    (222, 168, 120),
    (181, 124, 82),
    (136, 88, 58),
    (92, 60, 44),
)
_HAIRS: tuple[RGB, ...] = ((28, 22, 20), (84, 52, 30), (150, 96, 44), (224, 186, 96), (176, 66, 30), (190, 190, 190))
_BACKGROUNDS: tuple[RGB, ...] = (
    (214, 228, 240),
    (120, 160, 200),
    (60, 80, 120),
    (200, 220, 190),
    (90, 140, 90),
    (240, 226, 190),
    (226, 180, 180),
    (70, 70, 78),
)
STYLES: tuple[str, ...] = ("bald", "short", "fringe", "long", "bun", "curly")
# Drawn so many times larger, then averaged: Pillow draws without anti-aliasing.
_OVERSAMPLING = 4
_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 28, False)), np.sin(np.linspace(0, 2 * np.pi, 28, False))], 1)
_ACROSS = np.linspace(-1, 1, 9)


@dataclass(frozen=True)
class Face:
    """All that a face is drawn from.

    x, y: its centre, radius: half its height, fractions of the picture. tilt: degrees, clockwise. bend: how far the
    corners of the mouth are above its middle, a fraction of the radius; negative in a frown. opening: how far the mouth
    is open, likewise. light: factor on all colours.
    """

    bend: float
    opening: float
    mouth_width: float
    x: float
    y: float
    radius: float
    tilt: float
    skin: RGB
    hair: RGB
    style: str
    glasses: bool
    eye_gap: float
    background: RGB
    light: float

    @property
    def smiles(self) -> bool:
        return self.bend > 0


def random_face(smiles: bool, rng: np.random.Generator) -> Face:
    """A face that smiles or frowns; everything else is drawn alike for both."""
    bend, opening, width, x, y, radius, tilt, gap, light = rng.uniform(
        (0.2, 0.1, 0.3, 0.45, 0.46, 0.33, -12, 0.29, 0.75), (0.36, 0.24, 0.44, 0.55, 0.54, 0.43, 12, 0.38, 1.1)
    ).tolist()
    is_open, glasses = (rng.random(2) < (0.25, 0.3)).tolist()
    skin, hair, style, background = (
        int(rng.integers(len(choices))) for choices in (_SKINS, _HAIRS, STYLES, _BACKGROUNDS)
    )
    return Face(
        bend=bend if smiles else -bend,
        opening=opening if is_open else 0.0,
        mouth_width=width,
        x=x,
        y=y,
        radius=radius,
        tilt=tilt,
        skin=_SKINS[skin],
        hair=_HAIRS[hair],
        style=STYLES[style],
        glasses=glasses,
        eye_gap=gap,
        background=_BACKGROUNDS[background],
        light=light,
    )


def draw_face(face: Face, image_size: int = 32) -> np.ndarray:
    """The face as a picture, anti-aliased: (image_size, image_size, 3) uint8 RGB.

    Raises: ValueError if image_size < 24: nobody could tell the mouths apart.
    """
    if image_size < 24:
        raise ValueError(f"image_size must be at least 24, received {image_size}")
    size = image_size * _OVERSAMPLING
    canvas = Image.new("RGB", (size, size), _lit(face.background, face.light))
    pen, angle = ImageDraw.Draw(canvas), np.radians(face.tilt)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * face.radius * size
    centre = np.array([face.x, face.y]) * size
    unit = face.radius * size

    def place(points: np.ndarray) -> list[tuple[float, float]]:
        return [(x, y) for x, y in (points @ turn + centre).tolist()]

    def disc(x: float, y: float, across: float, down: float, colour: RGB) -> None:
        if across == down:
            [(x, y)], reach = place(np.array([[x, y]])), across * unit
            pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=_lit(colour, face.light))
        else:
            pen.polygon(place(_CIRCLE * (across, down) + (x, y)), fill=_lit(colour, face.light))

    _draw_hair(face, disc)
    disc(0, 0.08, 0.78, 0.92, face.skin)
    if face.style in ("fringe", "long", "curly"):
        top = _CIRCLE[_CIRCLE[:, 1] <= 0.01] * (0.8, 0.94) + (0, 0.08)
        pen.polygon(place(top[top[:, 1] < -0.42]), fill=_lit(face.hair, face.light))
    dark: RGB = (25, 20, 25)
    for x in (-face.eye_gap, face.eye_gap):
        disc(x, -0.12, 0.14, 0.14, (250, 250, 250))
        disc(x, -0.12, 0.085, 0.085, dark)
        if face.glasses:
            rim = place(_CIRCLE * (0.25, 0.22) + (x, -0.12))
            pen.line([*rim, rim[0]], fill=_lit(dark, face.light), width=max(1, round(0.06 * unit)))
    _draw_mouth(face, pen, place, unit)
    return np.asarray(canvas.reduce(_OVERSAMPLING))


def _draw_hair(face: Face, disc: Callable[..., None]) -> None:
    """What is seen of the hair behind the head."""
    if face.style == "bald":
        return
    disc(0, -0.1, 0.86, 0.9, face.hair)
    if face.style == "long":
        disc(0, 0.3, 0.98, 0.98, face.hair)
    elif face.style == "bun":
        disc(0, -1.0, 0.32, 0.26, face.hair)
    elif face.style == "curly":
        for turn in np.linspace(-2.7, -0.44, 7).tolist():
            disc(0.78 * np.cos(turn), 0.86 * np.sin(turn), 0.27, 0.27, face.hair)


def _draw_mouth(
    face: Face, pen: ImageDraw.ImageDraw, place: Callable[[np.ndarray], list[tuple[float, float]]], unit: float
) -> None:
    arch = 1 - _ACROSS**2
    outer = 0.5 + face.bend * (arch - 0.5)
    inner = outer - np.sign(face.bend) * face.opening * arch
    across = face.mouth_width * _ACROSS
    line = place(np.stack([across, outer], 1))
    colour = _lit((150, 22, 34) if sum(face.skin) > 330 else (255, 176, 164), face.light)
    width = max(1, round(0.12 * unit))
    if face.opening:
        pen.polygon([*line, *place(np.stack([across, inner], 1))[::-1]], fill=colour)
    pen.line(line, fill=colour, width=width, joint="curve")
    for x, y in (line[0], line[-1]):
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=colour)


def _lit(colour: RGB, light: float) -> RGB:
    red, green, blue = (min(255, round(light * part)) for part in colour)
    return red, green, blue
