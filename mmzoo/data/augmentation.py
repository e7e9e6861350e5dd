"""Random crops, rotations and flips that leave a picture's caption true."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mmzoo.data.decode import resample, resize
from mmzoo.presets import ImagePreprocessing


@dataclass(frozen=True)
class Augment:
    """What may be done to a training picture; the default crops only, as CLIP does (arXiv:2103.00020, section 2.4).

    crop: (least, most) share of the picture's area that is kept; (1.0, 1.0) keeps the model's own preprocessing.
    rotate: greatest angle in degrees, drawn evenly from both directions.
    flip: mirror half of the pictures, except those whose caption a mirror would make wrong (`flip_allowed`).
    Colours are never changed: captions name them.
    """

    crop: tuple[float, float] = (0.8, 1.0)
    rotate: float = 0.0
    flip: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "crop", tuple(self.crop))
        if len(self.crop) != 2 or not 0 < self.crop[0] <= self.crop[1] <= 1:
            raise ValueError(
                f"crop must be (least, most) share of the area with 0 < least <= most <= 1, received {self.crop!r}"
            )
        if not 0 <= self.rotate <= 180:
            raise ValueError(f"rotate must be an angle from 0 to 180 degrees, received {self.rotate!r}")

    def common(self, other: Augment) -> Augment:
        """What is safe for this data and for another's at once."""
        crop = (max(self.crop[0], other.crop[0]), max(self.crop[1], other.crop[1]))
        return Augment(crop, min(self.rotate, other.rotate), self.flip and other.flip)


def augment(
    image: np.ndarray,
    how: Augment,
    preprocessing: ImagePreprocessing,
    rng: np.random.Generator,
    *,
    caption: str | None = None,
) -> np.ndarray:
    """Crops and scales in one antialiased step, then rotates, then flips (Inception crops, arXiv:1409.4842, section 6).

    image (H, W, 3) uint8 of any size -> (h, w, 3) uint8 of the model's size. The crop has the model's aspect ratio, or
    the picture's own where the model squashes. Corners that a rotation uncovers repeat the picture's border. A flip is
    left out where the caption does not allow it. The result depends on the generator's state alone.
    """
    area, across, down, turn, mirror = rng.random(5)
    if how.crop == (1.0, 1.0):
        picture = resize(image, preprocessing)
    else:
        share = how.crop[0] + area * (how.crop[1] - how.crop[0])
        picture = resample(image, _crop_box(image.shape, share, across, down, preprocessing), preprocessing)
    if how.rotate:
        picture = _rotate(picture, (2 * turn - 1) * how.rotate)
    if how.flip and mirror < 0.5 and (caption is None or flip_allowed(caption)):
        picture = np.ascontiguousarray(picture[:, ::-1])
    return picture


def _crop_box(
    shape: tuple[int, ...], share: float, across: float, down: float, preprocessing: ImagePreprocessing
) -> tuple[float, float, float, float]:
    source_height, source_width = float(shape[0]), float(shape[1])
    height, width = source_height, source_width
    if preprocessing.fit == "crop":
        aspect = preprocessing.size[1] / preprocessing.size[0]
        height, width = min(height, width / aspect), min(width, height * aspect)
    height, width = height * math.sqrt(share), width * math.sqrt(share)
    left, top = across * (source_width - width), down * (source_height - height)
    return left, top, min(left + width, source_width), min(top + height, source_height)


def _rotate(image: np.ndarray, degrees: float) -> np.ndarray:
    height, width = image.shape[:2]
    angle = math.radians(degrees)
    sine, cosine = abs(math.sin(angle)), abs(math.cos(angle))
    rows = max(0, math.ceil((width * sine + height * cosine - height) / 2)) + 1
    columns = max(0, math.ceil((width * cosine + height * sine - width) / 2)) + 1
    # Indexing with clipped positions repeats the border, at a fifth of the time of np.pad.
    down = np.clip(np.arange(-rows, height + rows), 0, height - 1)
    across = np.clip(np.arange(-columns, width + columns), 0, width - 1)
    padded = Image.fromarray(image[down[:, None], across])
    turned = padded.rotate(degrees, Image.Resampling.BICUBIC)
    return np.array(turned.crop((columns, rows, columns + width, rows + height)))


# Words of sides, and of writing, in the languages most captions are written in. Too many costs a flip; too few makes a
# caption wrong.
_SIDES_OR_WRITING = re.compile(
    r"\d"
    r"|\b(?:left|right|leftmost|rightmost|leftward|rightward|clockwise|anticlockwise|counterclockwise)\b"
    r"|\b(?:digits?|numbers?|numerals?|letters?|alphabet|words?|texts?|signs?|logos?|says|saying|reads|reading"
    r"|writ(?:es?|ing|ten)|handwrit\w*|labell?ed|titled|captioned|license plates?)\b"
    r"|\b(?:zero|one|two|three|four|five|six|seven|eight|nine)$"  # "a photo of the number: seven"
    r"|左|右|数字|數字|字母|文字|写着|寫著|汉字|漢字|手写|手寫|标志|書|书法"
    r"|\b(?:links|rechts|link(?:e|er|en|em|es)|recht(?:e|er|en|em|es)|ziffern?|zahl(?:en)?|buchstaben?|schild(?:er)?)\b"
    r"|\b(?:gauche|droite?|chiffres?|lettres?|panneaux?)\b"
    r"|\b(?:izquierd[ao]s?|derech[ao]s?|dígitos?|números?|letras?|cartel(?:es)?)\b"
    r"|\b(?:sinistr[aoie]|destr[aoie]|cifr[ae]|lettere?|lettera|numeri|numero)\b"
    r"|\b(?:esquerd[ao]s?|direit[ao]s?|algarismos?|placas?)\b"
    r"|\b(?:vänster|höger|venstre|høyre|højre|kiri|kanan|sol|sağ|solda|sağda|lewo|prawo|lewej|prawej|trái|phải)\b"
    r"|\b(?:слева|справа|влево|вправо|налево|направо|лев\w{2,3}|прав\w{2,3}|цифр\w*|букв\w*|надпис\w*)\b"
    r"|왼|오른|좌측|우측|숫자|글자|문자|يسار|يمين|أيسر|أيمن|बाएँ|बाएं|बायें|दाएँ|दाएं|दायें|ひだり|みぎ"
    r"|^\W*\w\W*$",  # one character alone, as the class folder "A"
    re.IGNORECASE,
)


def flip_allowed(caption: str) -> bool:
    """Whether a mirrored picture still fits its caption: no sides, no digits, no writing are spoken of.

    Knows the words of some fifteen languages; a caption in another one is taken to allow it. One of more than 2,000
    characters is not searched, and not allowed.
    """
    return len(caption) <= 2_000 and _SIDES_OR_WRITING.search(caption) is None
