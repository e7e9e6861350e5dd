"""Towers with one contract: a keras.Model with outputs {"sequence": (B, N, D), "pooled": (B, D)}, texts with "mask" (B, N) too."""

from mmzoo.encoders.convnet import build_convnet
from mmzoo.encoders.text_transformer import build_text_transformer
from mmzoo.encoders.vit import build_vit

__all__ = ["build_convnet", "build_text_transformer", "build_vit"]
