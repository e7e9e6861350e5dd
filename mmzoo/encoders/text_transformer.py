"""Text transformers as CLIP and SigLIP use them."""

from __future__ import annotations

import keras

from mmzoo.encoders.contract import TextEncoder
from mmzoo.layers import EndOfTextPooling, MeanPooling, TokenEmbedding, TokenMask, TransformerBlock, UpToEnd

POOLINGS = ("end_of_text", "last", "first", "mean")


def build_text_transformer(
    *,
    vocab_size: int = 49408,
    context_length: int = 77,
    width: int = 512,
    depth: int = 12,
    num_heads: int = 8,
    mlp_dim: int | None = None,
    activation: str = "quick_gelu",
    causal: bool = True,
    pooling: str = "end_of_text",
    end_id: int | None = None,
    mask_rule: str = "none",
    pad_id: int | None = None,
    dropout: float = 0.0,
    epsilon: float = 1e-5,
    name: str = "text_encoder",
) -> TextEncoder:
    """Pre-norm text transformer (arXiv:2103.00020, section 2.4): causal as in CLIP, or bidirectional as in SigLIP.

    Inputs:  token_ids (B, context_length) int32 below vocab_size.
    Outputs: sequence (B, T, width) after the final norm; pooled (B, width); mask (B, T) bool, True where there is text.
    pooling: "end_of_text" (at the first end_id; with end_id None at the highest id of the row), "last", "first", or "mean" (over the mask).
    mask_rule: what is hidden from attention as padding: "none", "pad_id" or "after_first_eos" (see TokenMask).
    mask: what the rule leaves, with pooling "end_of_text" up to that end alone: causal attention may leave padding in place, a fusion
    that reads the mask must not. A row without an end, be it of padding alone, is text unless the rule is "pad_id". With "none" and
    another pooling nothing tells padding from text, and all of it counts, as in SigLIP.
    Raises:  ValueError for an unknown pooling or mask_rule, or a rule without the id it needs.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, received {pooling!r}")
    token_ids = keras.Input((context_length,), dtype="int32", name="token_ids")
    mask = TokenMask(mask_rule, pad_id=pad_id, end_id=end_id, name="token_mask")(token_ids)
    x = TokenEmbedding(vocab_size, context_length, width, name="token_embedding")(token_ids)
    for index in range(depth):
        block = TransformerBlock(
            width,
            num_heads,
            mlp_dim=mlp_dim,
            activation=activation,
            causal=causal,
            dropout=dropout,
            epsilon=epsilon,
            depth=depth,
            name=f"block_{index}",
        )
        x = block(x) if mask_rule == "none" else block(x, attention_mask=mask)
    x = keras.layers.LayerNormalization(epsilon=epsilon, name="final_norm")(x)
    if pooling == "end_of_text":
        pooled = EndOfTextPooling(end_id, name="pooling")(x, token_ids)
        mask = UpToEnd(end_id, name="text_mask")(token_ids, mask)
    elif pooling == "mean":
        pooled = MeanPooling(name="pooling")(x, mask)
    else:
        pooled = x[:, 0] if pooling == "first" else x[:, -1]
    return TextEncoder({"token_ids": token_ids}, {"sequence": x, "pooled": pooled, "mask": mask}, name=name)
