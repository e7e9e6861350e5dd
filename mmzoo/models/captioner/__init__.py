"""Captioners: text written about pictures, and answers to questions about them."""

from mmzoo.models.captioner.builder import build_captioner
from mmzoo.models.captioner.coca import CoCa, build_coca
from mmzoo.models.captioner.generation import Generated
from mmzoo.models.captioner.model import Captioner
from mmzoo.models.captioner.task import CaptionTask

__all__ = ["CaptionTask", "Captioner", "CoCa", "Generated", "build_captioner", "build_coca"]
