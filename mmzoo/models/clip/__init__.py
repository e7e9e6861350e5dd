"""CLIP (arXiv:2103.00020), also with SigLIP's loss (arXiv:2303.15343)."""

from mmzoo.models.clip.builder import build_clip
from mmzoo.models.clip.model import CLIP

__all__ = ["CLIP", "build_clip"]
