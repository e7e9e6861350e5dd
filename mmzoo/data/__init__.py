"""Pictures with captions: sources, safe decoding, pipelines.

Nothing is imported until a name is used (PEP 562), so this package costs neither Pillow nor Keras nor TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Augment": "augmentation",
    "BadPictures": "reading",
    "Examples": "examples",
    "ImageTextModel": "source",
    "ImageView": "images",
    "Pairs": "pairs",
    "UnreadableImage": "decode",
    "arrays": "pipeline",
    "augment": "augmentation",
    "batches": "pipeline",
    "clean": "captions",
    "coco_captions": "layouts.coco",
    "dataset": "pipeline",
    "digit_questions": "tasks",
    "digits": "handwriting",
    "drawn_pairs": "drawn",
    "flickr30k": "layouts.flickr",
    "flip_allowed": "augmentation",
    "folder": "folders",
    "hateful_memes": "layouts.memes",
    "judge_captions": "scenes.judging",
    "judge_digits": "handwriting_judging",
    "judge_pictures": "scenes.judging",
    "mvsa": "layouts.tweets",
    "matching": "tasks",
    "resize": "decode",
    "safe_decode": "decode",
    "sentiment": "tasks",
    "shape_questions": "tasks",
    "shapes": "scenes.source",
    "table": "layouts.tables",
    "vqa_v2": "layouts.vqa",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
