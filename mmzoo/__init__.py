"""Multimodal models for Keras: build in one line, train with fit, export with proof.

Importing mmzoo loads neither Keras nor TensorFlow; a name does when it is first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "AttentionMap": "mmzoo.attention_maps",
    "CLIP": "mmzoo.models.clip",
    "CaptionTask": "mmzoo.models.captioner",
    "Captioner": "mmzoo.models.captioner",
    "Checkpoint": "mmzoo.training.checkpoint",
    "Classifier": "mmzoo.models.classifier",
    "CoCa": "mmzoo.models.captioner",
    "ClipPreset": "mmzoo.presets",
    "Gate": "mmzoo.exporters",
    "GateError": "mmzoo.exporters",
    "ImageEncoder": "mmzoo.encoders.contract",
    "ImagePreprocessing": "mmzoo.presets",
    "Limits": "mmzoo.exporters",
    "Matcher": "mmzoo.models.matcher",
    "MultiTask": "mmzoo.models.multitask",
    "ParityError": "mmzoo.exporters",
    "Pretrainer": "mmzoo.models.pretrainer",
    "SampleGrid": "mmzoo.training.sample_grid",
    "Task": "mmzoo.models.classifier",
    "TextEncoder": "mmzoo.encoders.contract",
    "TextToImage": "mmzoo.models.text_to_image",
    "TokenDifferenceError": "mmzoo.exporters",
    "StopOnCollapse": "mmzoo.training.collapse",
    "Tagged": "mmzoo.tokenizer",
    "Tokenizer": "mmzoo.tokenizer",
    "attention_map": "mmzoo.attention_maps",
    "build_application": "mmzoo.encoders.application",
    "build_bert": "mmzoo.encoders.bert",
    "build_captioner": "mmzoo.models.captioner",
    "build_classifier": "mmzoo.models.classifier",
    "build_clip": "mmzoo.models.clip",
    "build_coca": "mmzoo.models.captioner",
    "build_clip_resnet": "mmzoo.encoders.clip_resnet",
    "build_convnet": "mmzoo.encoders.convnet",
    "build_hub": "mmzoo.encoders.hub",
    "build_matcher": "mmzoo.models.matcher",
    "build_multitask": "mmzoo.models.multitask",
    "build_pretrainer": "mmzoo.models.pretrainer",
    "build_recurrent_text": "mmzoo.encoders.recurrent_text",
    "build_resnet": "mmzoo.encoders.resnet",
    "build_text_to_image": "mmzoo.models.text_to_image",
    "build_text_transformer": "mmzoo.encoders.text_transformer",
    "build_vit": "mmzoo.encoders.vit",
    "build_vqa": "mmzoo.models.classifier",
    "export": "mmzoo.exporters",
    "export_classifier": "mmzoo.exporters",
    "freeze": "mmzoo.training.freezing",
    "from_pretrained": "mmzoo.pretrained",
    "layerwise_decay": "mmzoo.training.layer_decay",
    "list_presets": "mmzoo.presets",
    "load": "mmzoo.loading",
    "modality_ablation": "mmzoo.metrics",
    "save_pretrained": "mmzoo.pretrained",
    "unfreeze": "mmzoo.training.freezing",
    "verify": "mmzoo.bundle",
}
_ROOMS = (
    "bundle",
    "data",
    "decoders",
    "decoding",
    "encoders",
    "exporters",
    "fusion",
    "layers",
    "losses",
    "metrics",
    "models",
    "plots",
    "presets",
    "pretrained",
    "tokenizer",
    "training",
)

__all__ = [
    "CLIP",
    "AttentionMap",
    "CaptionTask",
    "Captioner",
    "Checkpoint",
    "Classifier",
    "ClipPreset",
    "CoCa",
    "Gate",
    "GateError",
    "ImageEncoder",
    "ImagePreprocessing",
    "Limits",
    "Matcher",
    "MultiTask",
    "ParityError",
    "Pretrainer",
    "SampleGrid",
    "StopOnCollapse",
    "Tagged",
    "Task",
    "TextEncoder",
    "TextToImage",
    "TokenDifferenceError",
    "Tokenizer",
    "attention_map",
    "build_application",
    "build_bert",
    "build_captioner",
    "build_classifier",
    "build_clip",
    "build_clip_resnet",
    "build_coca",
    "build_convnet",
    "build_hub",
    "build_matcher",
    "build_multitask",
    "build_pretrainer",
    "build_recurrent_text",
    "build_resnet",
    "build_text_to_image",
    "build_text_transformer",
    "build_vit",
    "build_vqa",
    "export",
    "export_classifier",
    "freeze",
    "from_pretrained",
    "layerwise_decay",
    "list_presets",
    "load",
    "modality_ablation",
    "save_pretrained",
    "unfreeze",
    "verify",
]

if TYPE_CHECKING:
    from mmzoo.attention_maps import AttentionMap, attention_map
    from mmzoo.bundle import verify
    from mmzoo.encoders.application import build_application
    from mmzoo.encoders.bert import build_bert
    from mmzoo.encoders.clip_resnet import build_clip_resnet
    from mmzoo.encoders.contract import ImageEncoder, TextEncoder
    from mmzoo.encoders.convnet import build_convnet
    from mmzoo.encoders.hub import build_hub
    from mmzoo.encoders.recurrent_text import build_recurrent_text
    from mmzoo.encoders.resnet import build_resnet
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
    from mmzoo.metrics import modality_ablation
    from mmzoo.models.captioner import Captioner, CaptionTask, CoCa, build_captioner, build_coca
    from mmzoo.models.classifier import Classifier, Task, build_classifier, build_vqa
    from mmzoo.models.clip import CLIP, build_clip
    from mmzoo.models.matcher import Matcher, build_matcher
    from mmzoo.models.multitask import MultiTask, build_multitask
    from mmzoo.models.pretrainer import Pretrainer, build_pretrainer
    from mmzoo.models.text_to_image import TextToImage, build_text_to_image
    from mmzoo.presets import ClipPreset, ImagePreprocessing, list_presets
    from mmzoo.pretrained import from_pretrained, save_pretrained
    from mmzoo.tokenizer import Tagged, Tokenizer
    from mmzoo.training.checkpoint import Checkpoint
    from mmzoo.training.collapse import StopOnCollapse
    from mmzoo.training.freezing import freeze, unfreeze
    from mmzoo.training.layer_decay import layerwise_decay
    from mmzoo.training.sample_grid import SampleGrid


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
