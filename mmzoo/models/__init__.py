"""Whole models, each built in one line."""

from mmzoo.models.captioner import Captioner, CaptionTask, CoCa, build_captioner, build_coca
from mmzoo.models.classifier import Classifier, Task, build_classifier, build_vqa
from mmzoo.models.clip import CLIP, build_clip
from mmzoo.models.matcher import Matcher, build_matcher
from mmzoo.models.multitask import MultiTask, build_multitask
from mmzoo.models.pretrainer import Pretrainer, build_pretrainer
from mmzoo.models.text_to_image import TextToImage, build_text_to_image
from mmzoo.models.trunk import Trunk

__all__ = [
    "CLIP",
    "CaptionTask",
    "Captioner",
    "Classifier",
    "CoCa",
    "Matcher",
    "MultiTask",
    "Pretrainer",
    "Task",
    "TextToImage",
    "Trunk",
    "build_captioner",
    "build_classifier",
    "build_clip",
    "build_coca",
    "build_matcher",
    "build_multitask",
    "build_pretrainer",
    "build_text_to_image",
    "build_vqa",
]
