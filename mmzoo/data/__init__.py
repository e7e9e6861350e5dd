"""Pictures with captions: sources, safe decoding, pipelines.

Nothing is imported until a name is used (PEP 562), so this package costs neither Pillow nor Keras nor TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Augment": "augmentation",
    "BadPictures": "reading",
    "ImageTextModel": "pairs",
    "Pairs": "pairs",
    "UnreadableImage": "decode",
    "arrays": "pipeline",
    "augment": "augmentation",
    "batches": "pipeline",
    "clean": "captions",
    "dataset": "pipeline",
    "digits": "handwriting",
    "flip_allowed": "augmentation",
    "folder": "folders",
    "resize": "decode",
    "safe_decode": "decode",
    "shapes": "scenes.source",
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
