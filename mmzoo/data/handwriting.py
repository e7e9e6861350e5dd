"""Real handwritten digits with captions: from the UCI test set of optical digits that scikit-learn carries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from mmzoo.data.augmentation import Augment
from mmzoo.data.pairs import Pairs
from mmzoo.data.scenes.words import LANGUAGES, check_languages
from mmzoo.tokenizer import Tagged

DIGIT_NAMES: tuple[str, ...] = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DIGIT_NAMES_ZH: tuple[str, ...] = ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九")

DIGIT_TEMPLATES: tuple[str, ...] = (
    "a photo of the digit {}",
    "a handwritten {}",
    "the number {}",
    "a picture of a {} written by hand",
)
"""Prompt templates for a name or a numeral; captions are made of the same."""

DIGIT_TEMPLATES_ZH: tuple[str, ...] = ("数字{}", "手写的数字{}", "一张数字{}的图片")

_NAMES = {"en": DIGIT_NAMES, "zh": DIGIT_NAMES_ZH}
_TEMPLATES = {"en": DIGIT_TEMPLATES, "zh": DIGIT_TEMPLATES_ZH}
_SIZE, _BORDER = 32, 4
_TEST_EVERY = 5


def digits(split: str = "train", *, languages: Sequence[str] = LANGUAGES, tagged: bool = False) -> Pairs:
    """1,797 real handwritten digits, 8 x 8 pixels of 17 greys (Alpaydin and Kaynak, UCI, 1998), as pictures of 32 x 32.

    split: "train" (1,438) or "test" (359, every fifth picture). The same people wrote both. languages, tagged: of the captions, as
    in shapes.
    Returns `Pairs`: images (N, 32, 32, 3) uint8, light ink on black, enlarged three times, with a border of 4
    pixels that an augmentation may cut off; captions, 14 wordings in English (8) and Chinese with the name and the numeral;
    labels 0 to 9; label_names "zero" to "nine".
    Raises: ValueError for any other split, or a language twice or unknown.
    """
    check_languages(languages)
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', received {split!r}")
    from sklearn.datasets import load_digits  # here because it takes a second to import

    source = load_digits()
    is_test = np.arange(len(source.target)) % _TEST_EVERY == _TEST_EVERY - 1
    chosen = np.flatnonzero(is_test == (split == "test"))
    labels = source.target[chosen].astype(np.int32)
    return Pairs(
        images=np.stack([_enlarge(picture) for picture in source.images[chosen]]),
        captions=tuple(digit_captions(label, languages, tagged=tagged) for label in labels.tolist()),
        labels=labels,
        label_names=DIGIT_NAMES,
        augment=Augment(crop=(0.8, 1.0), rotate=10.0, flip=False),
        templates=DIGIT_TEMPLATES,
    )


def digit_captions(digit: int, languages: Sequence[str] = LANGUAGES, *, tagged: bool = False) -> tuple[str, ...]:
    """Every wording for a digit, 0 to 9: with its name and its numeral, in each language."""
    return tuple(
        Tagged(text, language) if tagged else text
        for language in languages
        for template in _TEMPLATES[language]
        for text in (template.format(_NAMES[language][digit]), template.format(digit))
    )


def _enlarge(picture: np.ndarray) -> np.ndarray:
    """(8, 8) in 0..16 to (32, 32, 3) uint8."""
    grey = Image.fromarray(np.round(picture * (255 / 16)).astype(np.uint8))
    inner = _SIZE - 2 * _BORDER
    ink = np.pad(np.asarray(grey.resize((inner, inner), Image.Resampling.BICUBIC)), _BORDER)
    return np.repeat(ink[..., None], 3, axis=2)
