"""Towers with one contract: a keras.Model with outputs {"sequence": (B, N, D), "pooled": (B, D)}, texts with "mask" (B, N) too."""

from mmzoo.encoders.application import build_application
from mmzoo.encoders.bert import build_bert
from mmzoo.encoders.building import build_encoder, get_image_encoder, get_text_encoder
from mmzoo.encoders.clip_resnet import build_clip_resnet
from mmzoo.encoders.contract import ImageEncoder, TextEncoder
from mmzoo.encoders.convnet import build_convnet
from mmzoo.encoders.hub import build_hub
from mmzoo.encoders.recurrent_text import build_recurrent_text
from mmzoo.encoders.resnet import build_resnet
from mmzoo.encoders.text_transformer import build_text_transformer
from mmzoo.encoders.vit import build_vit

__all__ = [
    "ImageEncoder",
    "TextEncoder",
    "build_application",
    "build_bert",
    "build_clip_resnet",
    "build_convnet",
    "build_encoder",
    "build_hub",
    "build_recurrent_text",
    "build_resnet",
    "build_text_transformer",
    "build_vit",
    "get_image_encoder",
    "get_text_encoder",
]
