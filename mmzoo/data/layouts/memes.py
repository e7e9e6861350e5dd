"""The Hateful Memes Challenge."""

from __future__ import annotations

from pathlib import Path

from mmzoo.data.augmentation import Augment
from mmzoo.data.examples import Examples
from mmzoo.data.layouts.tables import table


def hateful_memes(
    jsonl: str | Path,
    images: str | Path | None = None,
    *,
    augment: Augment | None = None,
    max_pixels: int = 50_000_000,
) -> Examples:
    """Reads a split of the Hateful Memes Challenge (arXiv:2005.04790; the layout: the README of its archive).

    jsonl: train.jsonl, dev_seen.jsonl, ...: {"id": 42953, "img": "img/42953.png", "label": 0, "text": "..."} a line.
    images: the folder above img/. Default: the file's.
    augment: none by default; a mirrored meme has mirrored letters. max_pixels: as in `safe_decode`.
    Returns Examples with label_names ("not-hateful", "hateful").
    Raises:  as `table`; ValueError also for the challenge's test files of old, which have no labels.
    """
    return table(
        jsonl,
        images=images,
        image="img",
        label_names=("not-hateful", "hateful"),
        augment=augment,
        max_pixels=max_pixels,
    )
