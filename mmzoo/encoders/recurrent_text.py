"""Recurrent text encoders: LSTM and GRU, in one direction or in both."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.encoders.contract import TextEncoder
from mmzoo.layers import LastPooling, MaxPooling, MeanPooling, TokenMask, TurnAround, UpToLast

CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
POOLINGS = ("mean", "max", "last")


def build_recurrent_text(
    *,
    vocab_size: int,
    context_length: int,
    width: int = 256,
    embedding_dim: int | None = None,
    cell: str = "lstm",
    bidirectional: bool = True,
    depth: int = 1,
    pooling: str = "mean",
    mask_rule: str = "pad_id",
    pad_id: int | None = 0,
    end_id: int | None = None,
    dropout: float = 0.0,
    name: str = "text_encoder",
) -> TextEncoder:
    """LSTM (arXiv:1508.01991, sections 2.1 and 2.2) or GRU (arXiv:1406.1078, section 2.3) over token vectors, in both directions at once.

    Inputs:  token_ids (B, context_length) int32 below vocab_size, padded on the right.
    Outputs: sequence (B, T, D), zero where there is padding; pooled (B, D); mask (B, T) bool, True where there is text. D is
    width, or 2 width in both directions: the forward half, then the backward one, which starts at the last token of each text.
    embedding_dim: of the token vectors; None is width. depth: layers, each over the one before.
    pooling: "mean" or "max" over the text, or "last", the state that each direction ends in.
    mask_rule: what is padding: "pad_id", "after_first_eos", or "none" (see TokenMask). A text is read up to its last token that
    is not; an empty one is read as one pad.
    dropout: before each layer.
    Raises:  ValueError for an unknown cell, pooling or mask_rule, a rule without the id it needs, or sizes under 1.
    """
    embedding_dim = width if embedding_dim is None else embedding_dim
    if cell not in CELLS:
        raise ValueError(f"cell must be one of {', '.join(CELLS)}, received {cell!r}")
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, received {pooling!r}")
    if min(vocab_size, context_length, width, embedding_dim, depth) < 1:
        sizes = f"{vocab_size}, {context_length}, {width}, {embedding_dim}, {depth}"
        raise ValueError(
            f"vocab_size, context_length, width, embedding_dim and depth must be at least 1, received {sizes}"
        )
    token_ids = keras.Input((context_length,), dtype="int32", name="token_ids")
    mask = TokenMask(mask_rule, pad_id=pad_id, end_id=end_id, name="token_mask")(token_ids)
    read = UpToLast(name="reading")(mask)
    x = keras.layers.Embedding(vocab_size, embedding_dim, name="token_embedding")(token_ids)
    for index in range(depth):
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"dropout_{index}")(x)
        ways = [CELLS[cell](width, return_sequences=True, name=f"recurrent_{index}")(x)]
        if bidirectional:
            # Turned texts need no mask in the recurrent layers: cuDNN, ONNX and TFLite then have a fast form of them.
            turned = TurnAround(name=f"turned_{index}")(x, read)
            turned = CELLS[cell](width, return_sequences=True, name=f"recurrent_{index}_backward")(turned)
            ways.append(TurnAround(name=f"turned_{index}_back")(turned, read))
        x = keras.layers.Concatenate(name=f"both_{index}")(ways) if bidirectional else ways[0]
    x = ops.multiply(x, ops.cast(read[:, :, None], x.dtype))
    if pooling == "mean":
        pooled = MeanPooling(name="pooling")(x, read)
    elif pooling == "max":
        pooled = MaxPooling(name="pooling")(x, read)
    else:
        ends = [LastPooling(name="pooling")(ways[0], read)]
        pooled = keras.layers.Concatenate(name="both_ends")([*ends, ways[1][:, 0]]) if bidirectional else ends[0]
    return TextEncoder({"token_ids": token_ids}, {"sequence": x, "pooled": pooled, "mask": mask}, name=name)
