"""How many trainable parameters sizes make, worked out without building anything."""

from __future__ import annotations

from collections.abc import Sequence

from mmzoo.presets.clip import ClipPreset
from mmzoo.presets.sizes import (
    BertSizes,
    ClipResNetSizes,
    ConvnetSizes,
    ImageSizes,
    RecurrentSizes,
    ResNetSizes,
    TextEncoderSizes,
    TextSizes,
    ViTSizes,
    height_and_width,
)


def count_parameters(sizes: ClipPreset | ImageSizes | TextEncoderSizes) -> int:
    """The trainable parameters of what build_clip or build_encoder makes of these sizes."""
    match sizes:
        case ClipPreset():
            return _clip(sizes)
        case ViTSizes():
            return _vit(sizes)
        case ConvnetSizes():
            return _convnet(sizes)
        case ClipResNetSizes():
            return _clip_resnet(sizes)
        case ResNetSizes():
            return _resnet(sizes)
        case TextSizes():
            return _text(sizes)
        case BertSizes():
            return _bert(sizes)
        case RecurrentSizes():
            return _recurrent(sizes)


def pooled_size(sizes: ImageSizes | TextEncoderSizes) -> int:
    """How many numbers the encoder's pooled output has."""
    match sizes:
        case ConvnetSizes() | ResNetSizes():
            return sizes.widths[-1]
        case ClipResNetSizes():
            return 32 * sizes.width
        case RecurrentSizes():
            return sizes.width * (2 if sizes.bidirectional else 1)
        case _:
            return sizes.width


def _clip(preset: ClipPreset) -> int:
    sides = ((preset.image, preset.image_projection), (preset.text, preset.text_projection))
    scale = 2 if preset.loss == "sigmoid" else 1
    for sizes, projection in sides:
        scale += count_parameters(sizes)
        if projection != "none":
            scale += _dense(pooled_size(sizes), preset.embed_dim, bias=projection == "affine")
    return scale


def _vit(sizes: ViTSizes) -> int:
    width, class_token = sizes.width, sizes.pooling == "class_token"
    height, breadth = height_and_width(sizes)
    patches = (height // sizes.patch_size) * (breadth // sizes.patch_size)
    total = _dense(3 * sizes.patch_size**2, width, bias=sizes.patch_bias)
    total += (patches + class_token) * width + class_token * width
    total += (1 + sizes.norm_first) * _norm(width)
    total += sizes.depth * _block(width, sizes.mlp_dim)
    if sizes.pooling == "attention":
        total += width + _attention(width) + _norm(width) + _mlp(width, sizes.mlp_dim)
    return total + (_dense(width, width) if sizes.pooler else 0)


def _convnet(sizes: ConvnetSizes) -> int:
    total, channels = _convolution(3, sizes.widths[0], 3), sizes.widths[0]
    for width in sizes.widths:
        total += _convolution(channels, width, 3) + 2 * sizes.blocks * _convolution(width, width, 3)
        channels = width
    return total


def _clip_resnet(sizes: ClipResNetSizes) -> int:
    width = sizes.width
    height, breadth = height_and_width(sizes)
    total = (
        _convolution(3, width // 2, 3) + _convolution(width // 2, width // 2, 3) + _convolution(width // 2, width, 3)
    )
    total += _bottlenecks(width, [4 * width * 2**stage for stage in range(4)], sizes.depths)
    places = ((height + 1) // 32) * ((breadth + 1) // 32)
    return total + (places + 1) * 32 * width + 3 * _dense(32 * width, 32 * width)


def _resnet(sizes: ResNetSizes) -> int:
    stem = _convolution(3, sizes.stem_width, 7)
    if sizes.block == "bottleneck":
        return stem + _bottlenecks(sizes.stem_width, sizes.widths, sizes.depths, sizes.downsample_in_first_stage)
    total, channels = stem, sizes.stem_width
    for stage, (width, depth) in enumerate(zip(sizes.widths, sizes.depths, strict=True)):
        total += _convolution(channels, width, 3) + (2 * depth - 1) * _convolution(width, width, 3)
        if channels != width or stage > 0 or sizes.downsample_in_first_stage:
            total += _convolution(channels, width, 1)
        channels = width
    return total


def _bottlenecks(channels: int, widths: Sequence[int], depths: Sequence[int], strided: bool = False) -> int:
    """Stages of bottlenecks that leave these widths; strided: the first stage halves the picture, as the others do."""
    total = 0
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        inner = width // 4
        if channels != width or stage > 0 or strided:
            total += _convolution(channels, width, 1)
        total += _convolution(channels, inner, 1) + (depth - 1) * _convolution(width, inner, 1)
        total += depth * (_convolution(inner, inner, 3) + _convolution(inner, width, 1))
        channels = width
    return total


def _text(sizes: TextSizes) -> int:
    embeddings = (sizes.vocab_size + sizes.context_length) * sizes.width
    return embeddings + sizes.depth * _block(sizes.width, sizes.mlp_dim) + _norm(sizes.width)


def _bert(sizes: BertSizes) -> int:
    width, positions = sizes.width, sizes.max_positions or sizes.context_length
    embeddings = (sizes.vocab_size + positions + sizes.token_types) * width + _norm(width)
    return embeddings + sizes.depth * _block(width, sizes.mlp_dim) + (_dense(width, width) if sizes.pooler else 0)


def _recurrent(sizes: RecurrentSizes) -> int:
    width, inputs, directions = sizes.width, sizes.embedding_dim or sizes.width, 2 if sizes.bidirectional else 1
    total = sizes.vocab_size * inputs
    for _ in range(sizes.depth):
        # A GRU of cuDNN's kind has two biases: the reset gate comes after the product with the state.
        gates, biases = (4, 1) if sizes.cell == "lstm" else (3, 2)
        total += directions * gates * ((inputs + width) * width + biases * width)
        inputs = directions * width
    return total


def _block(width: int, mlp_dim: int | None) -> int:
    return _attention(width) + _mlp(width, mlp_dim) + 2 * _norm(width)


def _attention(width: int) -> int:
    return 4 * _dense(width, width)


def _mlp(width: int, mlp_dim: int | None) -> int:
    hidden = mlp_dim or 4 * width
    return _dense(width, hidden) + _dense(hidden, width)


def _norm(width: int) -> int:
    return 2 * width


def _convolution(inputs: int, outputs: int, kernel: int) -> int:
    """With its batch normalisation, whose running statistics are not trained."""
    return kernel**2 * inputs * outputs + _norm(outputs)


def _dense(inputs: int, outputs: int, *, bias: bool = True) -> int:
    return inputs * outputs + bias * outputs
