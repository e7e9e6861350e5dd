"""Multimodal models for Keras: build in one line, train with fit, export with proof.

Importing mmzoo loads neither Keras nor TensorFlow; a name does when it is first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "CLIP": "mmzoo.models.clip",
    "Checkpoint": "mmzoo.training.checkpoint",
    "ClipPreset": "mmzoo.presets",
    "Gate": "mmzoo.exporters",
    "GateError": "mmzoo.exporters",
    "ImagePreprocessing": "mmzoo.presets",
    "Limits": "mmzoo.exporters",
    "ParityError": "mmzoo.exporters",
    "TokenDifferenceError": "mmzoo.exporters",
    "Tokenizer": "mmzoo.tokenizer",
    "build_clip": "mmzoo.models.clip",
    "build_convnet": "mmzoo.encoders.convnet",
    "build_text_transformer": "mmzoo.encoders.text_transformer",
    "build_vit": "mmzoo.encoders.vit",
    "export": "mmzoo.exporters",
    "export_classifier": "mmzoo.exporters",
    "load": "mmzoo.loading",
    "verify": "mmzoo.bundle",
}
_ROOMS = (
    "bundle",
    "data",
    "encoders",
    "exporters",
    "layers",
    "losses",
    "metrics",
    "models",
    "plots",
    "presets",
    "tokenizer",
    "training",
)

__all__ = [
    "CLIP",
    "Checkpoint",
    "ClipPreset",
    "Gate",
    "GateError",
    "ImagePreprocessing",
    "Limits",
    "ParityError",
    "TokenDifferenceError",
    "Tokenizer",
    "build_clip",
    "build_convnet",
    "build_text_transformer",
    "build_vit",
    "export",
    "export_classifier",
    "load",
    "verify",
]

if TYPE_CHECKING:
    from mmzoo.bundle import verify
    from mmzoo.encoders.convnet import build_convnet
    from mmzoo.encoders.text_transformer import build_text_transformer
    from mmzoo.encoders.vit import build_vit
    from mmzoo.exporters import (
        Gate,
        GateError,
        Limits,
        ParityError,
        TokenDifferenceError,
        export,
        export_classifier,
    )
    from mmzoo.loading import load
    from mmzoo.models.clip import CLIP, build_clip
    from mmzoo.presets import ClipPreset, ImagePreprocessing
    from mmzoo.tokenizer import Tokenizer
    from mmzoo.training.checkpoint import Checkpoint


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return importlib.import_module(f"mmzoo.{name}")
    raise AttributeError(f"module 'mmzoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS, "__version__"])
