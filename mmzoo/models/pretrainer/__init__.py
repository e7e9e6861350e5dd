"""Learning from pictures and texts without labels."""

from mmzoo.models.pretrainer.builder import build_pretrainer
from mmzoo.models.pretrainer.choosing import OBJECTIVES
from mmzoo.models.pretrainer.model import Pretrainer

__all__ = ["OBJECTIVES", "Pretrainer", "build_pretrainer"]
