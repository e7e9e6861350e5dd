"""What each objective adds to the encoders, built for their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from mmzoo.encoders.describing import layers_of
from mmzoo.encoders.hiding import token_table
from mmzoo.layers import PatchEmbedding, PatchMasking, TokenMasking
from mmzoo.models.classifier import AnswerHead
from mmzoo.models.objectives import ContrastHead, TokenHead
from mmzoo.models.pretrainer.choosing import find_special_ids, vocabulary_size
from mmzoo.tokenizer import Tokenizer


def build_contrast(image_encoder: Any, text_encoder: Any, embed_dim: int, policy: Any) -> ContrastHead:
    """Projections of both pooled vectors."""
    contrast = ContrastHead(embed_dim, dtype=policy, name="contrast")
    contrast.build(*(tuple(encoder.output["pooled"].shape) for encoder in (image_encoder, text_encoder)))
    return contrast


def build_match_head(trunk: Any, policy: Any) -> AnswerHead:
    """One logit of the fused vector, after a hidden layer: the matcher's head."""
    head = AnswerHead(1, hidden=trunk.width, dtype=policy, name="match_head")
    head.build(tuple(trunk.output["pooled"].shape))
    return head


def build_token_parts(
    text_encoder: Any,
    read: int,
    mask_id: int,
    special_ids: Sequence[int],
    rate: float,
    tokenizer: Tokenizer | None,
    seed: int,
    policy: Any,
) -> tuple[TokenMasking, TokenHead]:
    """What hides tokens, and the head that guesses them from vectors of `read` numbers, tied to the encoder's table if it has one."""
    vocabulary, table = vocabulary_size(tokenizer, text_encoder), token_table(text_encoder)
    special = find_special_ids(tokenizer, text_encoder, special_ids, mask_id)
    masking = TokenMasking(mask_id, vocabulary, special_ids=special, rate=rate, seed=seed, name="token_masking")
    width = read if table is None else table.shape[-1]
    head = TokenHead(width, vocabulary, tied=table is not None, dtype=policy, name="token_head")
    head.build((None, None, read))
    return masking, head


def build_patch_parts(image_encoder: Any, rate: float, seed: int) -> tuple[PatchMasking, keras.layers.Dense]:
    """What hides a ViT's patches, and the one dense layer that guesses their pixels (SimMIM, arXiv:2111.09886, section 3.3)."""
    (embedding,) = layers_of(image_encoder, PatchEmbedding)
    masking = PatchMasking(embedding.num_patches, rate=rate, seed=seed, name="patch_masking")
    head = keras.layers.Dense(3 * embedding.patch_size**2, dtype="float32", name="pixel_head")
    head.build((None, None, image_encoder.output["sequence"].shape[-1]))
    return masking, head
