"""The sizes of encoders: what a builder is told of one."""

from __future__ import annotations

from dataclasses import dataclass

from mmzoo.presets.preprocessing import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD


@dataclass(frozen=True)
class ViTSizes:
    """The arguments of build_vit that make one vision transformer differ from another."""

    image_size: int | tuple[int, int]
    patch_size: int
    width: int
    depth: int
    num_heads: int
    activation: str = "quick_gelu"
    mlp_dim: int | None = None
    pooling: str = "class_token"
    norm_first: bool = True
    patch_bias: bool = False
    pooler: bool = False
    epsilon: float = 1e-5
    mean: tuple[float, ...] = CLIP_MEAN
    std: tuple[float, ...] = CLIP_STD


@dataclass(frozen=True)
class ConvnetSizes:
    """The arguments of build_convnet that make one small convolutional network differ from another."""

    image_size: int | tuple[int, int]
    widths: tuple[int, ...]
    blocks: int = 1


@dataclass(frozen=True)
class ClipResNetSizes:
    """The arguments of build_clip_resnet that make one of CLIP's residual networks differ from another."""

    image_size: int | tuple[int, int]
    width: int
    depths: tuple[int, ...]
    num_heads: int
    mean: tuple[float, ...] = CLIP_MEAN
    std: tuple[float, ...] = CLIP_STD


@dataclass(frozen=True)
class ResNetSizes:
    """The arguments of build_resnet that make one residual network differ from another."""

    image_size: int | tuple[int, int]
    stem_width: int
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    block: str = "bottleneck"
    downsample_in_first_stage: bool = False
    downsample_in_bottleneck: bool = False
    activation: str = "relu"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


@dataclass(frozen=True)
class TextSizes:
    """The arguments of build_text_transformer that make one text transformer differ from another."""

    vocab_size: int
    context_length: int
    width: int
    depth: int
    num_heads: int
    activation: str = "quick_gelu"
    mlp_dim: int | None = None
    causal: bool = True
    pooling: str = "end_of_text"
    end_id: int | None = None
    mask_rule: str = "none"
    pad_id: int | None = None
    epsilon: float = 1e-5


@dataclass(frozen=True)
class BertSizes:
    """The arguments of build_bert that make one BERT differ from another."""

    vocab_size: int
    context_length: int
    width: int
    depth: int
    num_heads: int
    activation: str = "gelu"
    mlp_dim: int | None = None
    max_positions: int | None = None
    token_types: int = 2
    pooler: bool = True
    pad_id: int = 0
    epsilon: float = 1e-12


@dataclass(frozen=True)
class RecurrentSizes:
    """The arguments of build_recurrent_text that make one recurrent text encoder differ from another."""

    vocab_size: int
    context_length: int
    width: int
    cell: str = "lstm"
    bidirectional: bool = True
    depth: int = 1
    pooling: str = "mean"
    mask_rule: str = "pad_id"
    pad_id: int | None = 0
    end_id: int | None = None
    embedding_dim: int | None = None


ImageSizes = ViTSizes | ConvnetSizes | ClipResNetSizes | ResNetSizes
TextEncoderSizes = TextSizes | BertSizes | RecurrentSizes


def height_and_width(sizes: ImageSizes) -> tuple[int, int]:
    """Of the pictures, in pixels."""
    size = sizes.image_size
    return (size, size) if isinstance(size, int) else (size[0], size[1])
