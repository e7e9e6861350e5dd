"""Whole models, each built in one line."""

from mmzoo.models.clip import CLIP, build_clip

__all__ = ["CLIP", "build_clip"]
