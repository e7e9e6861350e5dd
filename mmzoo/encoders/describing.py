"""From an encoder back to its sizes: read off its layers, so that it holds for one loaded from any file."""

from __future__ import annotations

import re
from typing import Any

import keras

from mmzoo.layers import (
    AttentionPooling,
    EndOfTextPooling,
    ImageNormalization,
    MeanPooling,
    MeanQueryPooling,
    PatchEmbedding,
    TokenEmbedding,
    TokenMask,
    TransformerBlock,
)
from mmzoo.presets import BertSizes, ClipResNetSizes, ResNetSizes, TextSizes, ViTSizes


def layers_of(encoder: keras.Model, kind: type) -> list[Any]:
    """The layers of that kind at the top of the encoder's graph, in order."""
    return [layer for layer in encoder.layers if isinstance(layer, kind)]


def named(encoder: keras.Model, name: str) -> Any:
    """The layer of that name at the top of the encoder's graph, or None."""
    return next((layer for layer in encoder.layers if layer.name == name), None)


def square(size: tuple[int, int]) -> int | tuple[int, int]:
    """One number where height and width are the same."""
    return size[0] if size[0] == size[1] else size


def vit_sizes(encoder: keras.Model) -> ViTSizes | None:
    """What build_vit was given, or None where it did not build this encoder. A mask token is not among the sizes."""
    embeddings, blocks = layers_of(encoder, PatchEmbedding), layers_of(encoder, TransformerBlock)
    normalization = layers_of(encoder, ImageNormalization)
    if not (embeddings and blocks and normalization):
        return None
    embedding, block = embeddings[0], blocks[0]
    pooling = "attention" if layers_of(encoder, AttentionPooling) else "mean"
    return ViTSizes(
        image_size=square(tuple(encoder.inputs[0].shape[1:3])),
        patch_size=embedding.patch_size,
        width=embedding.width,
        depth=len(blocks),
        num_heads=block.num_heads,
        activation=block.activation,
        mlp_dim=_unusual(block),
        pooling="class_token" if embedding.class_token else pooling,
        norm_first=named(encoder, "first_norm") is not None,
        patch_bias=embedding.use_bias,
        pooler=named(encoder, "pooler") is not None,
        epsilon=block.epsilon,
        mean=normalization[0].mean,
        std=normalization[0].std,
    )


def text_sizes(encoder: keras.Model) -> TextSizes | None:
    """What build_text_transformer was given, or None where it did not build this encoder."""
    embeddings, blocks, masks = (layers_of(encoder, kind) for kind in (TokenEmbedding, TransformerBlock, TokenMask))
    if not (embeddings and blocks and masks) or blocks[0].norm == "post":
        return None
    embedding, block, mask, pooling = embeddings[0], blocks[0], masks[0], named(encoder, "pooling")
    end_id = pooling.end_id if isinstance(pooling, EndOfTextPooling) else mask.end_id
    return TextSizes(
        vocab_size=embedding.vocab_size,
        context_length=embedding.context_length,
        width=embedding.width,
        depth=len(blocks),
        num_heads=block.num_heads,
        activation=block.activation,
        mlp_dim=_unusual(block),
        causal=block.causal,
        pooling=_pooling(encoder, pooling),
        end_id=end_id,
        mask_rule=mask.rule,
        pad_id=mask.pad_id,
        epsilon=block.epsilon,
    )


def bert_sizes(encoder: keras.Model) -> BertSizes | None:
    """What build_bert was given, or None where it did not build this encoder."""
    embeddings, blocks, masks = (layers_of(encoder, kind) for kind in (TokenEmbedding, TransformerBlock, TokenMask))
    if not (embeddings and blocks and masks) or blocks[0].norm == "pre" or named(encoder, "embedding_norm") is None:
        return None
    embedding, block = embeddings[0], blocks[0]
    same = embedding.max_positions == embedding.context_length
    return BertSizes(
        vocab_size=embedding.vocab_size,
        context_length=embedding.context_length,
        width=embedding.width,
        depth=len(blocks),
        num_heads=block.num_heads,
        activation=block.activation,
        mlp_dim=_unusual(block),
        max_positions=None if same else embedding.max_positions,
        token_types=embedding.token_types,
        pooler=named(encoder, "pooler") is not None,
        pad_id=masks[0].pad_id,
        epsilon=block.epsilon,
    )


def clip_resnet_sizes(encoder: keras.Model) -> ClipResNetSizes | None:
    """What build_clip_resnet was given, or None where it did not build this encoder."""
    pooling, stem = layers_of(encoder, MeanQueryPooling), named(encoder, "stem_2_conv")
    if not pooling or stem is None:
        return None
    normalization = layers_of(encoder, ImageNormalization)[0]
    return ClipResNetSizes(
        square(tuple(encoder.inputs[0].shape[1:3])),
        stem.filters,
        _depths(encoder),
        pooling[0].num_heads,
        normalization.mean,
        normalization.std,
    )


def resnet_sizes(encoder: keras.Model) -> ResNetSizes | None:
    """What build_resnet was given, or None where it did not build this encoder."""
    stem = named(encoder, "stem_conv")
    if stem is None or stem.kernel_size != (7, 7):
        return None
    depths = _depths(encoder)
    block = "basic" if named(encoder, "stage_0_block_0_2_conv") is None else "bottleneck"
    last = {"basic": 1, "bottleneck": 2}[block]
    first_strides = [_strides(encoder, f"stage_{stage}_block_0") for stage in range(len(depths))]
    activation = named(encoder, "stem_activation").activation.__name__
    normalization = layers_of(encoder, ImageNormalization)[0]
    return ResNetSizes(
        square(tuple(encoder.inputs[0].shape[1:3])),
        stem.filters,
        tuple(named(encoder, f"stage_{stage}_block_0_{last}_conv").filters for stage in range(len(depths))),
        depths,
        block,
        downsample_in_first_stage=2 in first_strides[0],
        downsample_in_bottleneck=block == "bottleneck" and any(strides[0] == 2 for strides in first_strides),
        activation=activation,
        mean=normalization.mean,
        std=normalization.std,
    )


def _depths(encoder: keras.Model) -> tuple[int, ...]:
    """Blocks of each stage of a residual network."""
    firsts = [re.fullmatch(r"stage_(\d+)_block_\d+_0_conv", layer.name) for layer in encoder.layers]
    stages = [int(found[1]) for found in firsts if found]
    return tuple(stages.count(stage) for stage in range(max(stages, default=-1) + 1))


def _strides(encoder: keras.Model, block: str) -> list[int]:
    convolutions = [named(encoder, f"{block}_{part}_conv") for part in range(3)]
    return [layer.strides[0] for layer in convolutions if layer is not None]


def _unusual(block: TransformerBlock) -> int | None:
    return None if block.mlp_dim == 4 * block.width else block.mlp_dim


def _pooling(encoder: keras.Model, layer: Any) -> str:
    if isinstance(layer, EndOfTextPooling):
        return "end_of_text"
    if isinstance(layer, MeanPooling):
        return "mean"
    # The first or the last position is a slice of the final norm, without a layer of its own.
    position = next(operation for operation in encoder.operations if type(operation).__name__ == "GetItem")
    return "first" if position._inbound_nodes[0].arguments.args[1][1] == 0 else "last"
