"""Several questions about a picture with a text, answered by heads on one trunk."""

from mmzoo.models.multitask.builder import build_multitask
from mmzoo.models.multitask.model import MultiTask

__all__ = ["MultiTask", "build_multitask"]
