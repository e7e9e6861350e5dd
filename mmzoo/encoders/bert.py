"""BERT: a bidirectional text transformer."""

from __future__ import annotations

import keras

from mmzoo.encoders.contract import TextEncoder
from mmzoo.layers import TokenEmbedding, TokenMask, TransformerBlock


def build_bert(
    *,
    vocab_size: int = 30522,
    context_length: int = 512,
    width: int = 768,
    depth: int = 12,
    num_heads: int = 12,
    mlp_dim: int | None = None,
    activation: str = "gelu",
    max_positions: int | None = None,
    token_types: int = 2,
    pooler: bool = True,
    pad_id: int = 0,
    dropout: float = 0.0,
    epsilon: float = 1e-12,
    name: str = "text_encoder",
) -> TextEncoder:
    """BERT (arXiv:1810.04805, section 3): post-norm blocks over token, position and segment vectors, for single texts.

    Inputs:  token_ids (B, context_length) int32 below vocab_size, padded with pad_id, which is hidden from attention.
    Outputs: sequence (B, T, width); pooled (B, width), the first token, with pooler=True after a dense layer with tanh; mask (B, T).
    max_positions: learned positions, of which the first context_length are used; None is context_length.
    Raises:  ValueError for a width that num_heads does not divide, or a context_length above max_positions.
    """
    token_ids = keras.Input((context_length,), dtype="int32", name="token_ids")
    mask = TokenMask("pad_id", pad_id=pad_id, name="token_mask")(token_ids)
    x = TokenEmbedding(
        vocab_size, context_length, width, max_positions=max_positions, token_types=token_types, name="token_embedding"
    )(token_ids)
    x = keras.layers.LayerNormalization(epsilon=epsilon, name="embedding_norm")(x)
    for index in range(depth):
        x = TransformerBlock(
            width,
            num_heads,
            mlp_dim=mlp_dim,
            activation=activation,
            norm="post",
            dropout=dropout,
            epsilon=epsilon,
            name=f"block_{index}",
        )(x, attention_mask=mask)
    pooled = keras.layers.Dense(width, activation="tanh", name="pooler")(x[:, 0]) if pooler else x[:, 0]
    return TextEncoder({"token_ids": token_ids}, {"sequence": x, "pooled": pooled, "mask": mask}, name=name)
