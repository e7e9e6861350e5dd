"""MVSA: tweets with a picture, and the sentiment of each."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.examples import Examples
from mmzoo.data.layouts.documents import read_text, shown
from mmzoo.data.layouts.pictures import shared_images

_log = logging.getLogger("mmzoo.data")

_SENTIMENTS = ("negative", "neutral", "positive")


def mvsa(root: str | Path, *, augment: Augment | None = None, max_pixels: int = 50_000_000) -> Examples:
    """Reads MVSA-Single or MVSA-Multiple (Niu et al., MMM 2016, doi 10.1007/978-3-319-27674-8_2).

    root: the folder with labelResultAll.txt and data/, which has ID.txt and ID.jpg for each tweet. Below its header,
      labelResultAll.txt has lines `ID<TAB>text,image`, in MVSA-Multiple with `text,image` of three annotators.
    One sentiment a tweet, by the rules of MultiSentiNet (Xu and Mao, CIKM 2017), which later papers follow: a text or a
    picture has the sentiment that most of its annotators gave; a tweet of which one is without is left out, and so is one
    that is positive in the one and negative in the other; if one of the two is neutral, the other decides.
    Texts are read as UTF-8, else as Windows-1252, since the tweets come in both. An empty or missing text is a missing
    modality; a missing or damaged picture is counted when it is read. What is left out is logged.
    augment, max_pixels: as in `Examples` and `safe_decode`.
    Returns Examples in the file's order, label_names ("negative", "neutral", "positive").
    Raises:  FileNotFoundError; ValueError with the line's number if a line has another form; ValueError if no tweet is
        left or not one of the pictures is there.
    """
    folder = Path(root)
    source = folder / "labelResultAll.txt"
    names: list[str] = []
    texts: list[str] = []
    labels: list[int] = []
    total = 0
    for number, text_labels, image_labels in _lines(source):
        total += 1
        sentiment = _combined(_majority(text_labels), _majority(image_labels))
        if sentiment is None:
            continue
        names.append(f"{number}.jpg")
        texts.append(_text(folder / "data" / f"{number}.txt"))
        labels.append(_SENTIMENTS.index(sentiment))
    if not labels:
        raise ValueError(f"{source} must have a tweet with one sentiment, received {total:,} without")
    present = np.array([bool(text) for text in texts])
    if len(labels) < total:
        _log.info(
            "%s: %s of %s tweets left out, which contradict themselves", source, f"{total - len(labels):,}", total
        )
    if not present.all():
        _log.warning("%s: of %s tweets, %s without a text", source, f"{len(texts):,}", f"{(~present).sum():,}")
    return Examples(
        shared_images(source, folder / "data", names, max_pixels),
        tuple(texts),
        np.array(labels, np.int32),
        _SENTIMENTS,
        augment=augment,
        text_present=present,
    )


def _lines(path: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """(ID, text's labels, picture's labels) of each line below the header."""
    for line, content in enumerate(read_text(path).split("\n"), 1):
        if not content.strip() or (line == 1 and content.startswith("ID")):
            continue
        number, *annotators = content.strip().split("\t")
        pairs = [tuple(part.strip().lower() for part in pair.split(",")) for pair in annotators]
        if (
            not (number.isascii() and number.isdecimal())
            or not pairs
            or not all(len(pair) == 2 and set(pair) <= set(_SENTIMENTS) for pair in pairs)
        ):
            raise ValueError(
                f"{path}, line {line}: must be ID, a tab and TEXT,IMAGE of {', '.join(_SENTIMENTS)} for each annotator, "
                f"received {shown(content.strip())}"
            )
        yield number, [text for text, _ in pairs], [image for _, image in pairs]


def _majority(labels: Sequence[str]) -> str | None:
    label, count = Counter(labels).most_common(1)[0]
    return label if 2 * count > len(labels) else None


def _combined(text: str | None, image: str | None) -> str | None:
    if text is None or image is None or {text, image} == {"positive", "negative"}:
        return None
    return image if text == "neutral" else text


def _text(path: Path) -> str:
    if not path.is_file():
        return ""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text.strip()
