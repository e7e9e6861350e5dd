"""Decoders by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from mmzoo.decoders.recurrent import RecurrentDecoder
from mmzoo.decoders.transformer import TransformerDecoder

DECODERS: dict[str, Callable[..., keras.layers.Layer]] = {
    "transformer": TransformerDecoder,
    "gru": partial(RecurrentDecoder, cell="gru"),
    "lstm": partial(RecurrentDecoder, cell="lstm"),
}


def build_decoder(
    decoder: str | keras.layers.Layer,
    vocab_size: int,
    context_length: int,
    width: int,
    *,
    depth: int | None = None,
    num_heads: int | None = None,
    dropout: float = 0.0,
    dtype: Any = None,
    name: str = "decoder",
) -> Any:
    """A decoder of this kind, or the layer itself. depth (4) and num_heads (width / 64) are a transformer's.

    Raises ValueError for an unknown kind (the message lists the known), or a depth or heads of one that has none; TypeError for what
    is neither name nor decoder.
    """
    if decoder != "transformer" and (depth is not None or num_heads is not None):
        raise ValueError(f"depth and num_heads must be None with decoder={decoder!r}, received {depth} and {num_heads}")
    if isinstance(decoder, str):
        if decoder not in DECODERS:
            raise ValueError(f"decoder must be one of {', '.join(DECODERS)}, received {decoder!r}")
        sizes: dict[str, Any] = {"dropout": dropout, "dtype": dtype, "name": name}
        if decoder == "transformer":
            sizes |= {"depth": 4 if depth is None else depth, "num_heads": num_heads or max(1, width // 64)}
        return DECODERS[decoder](vocab_size, context_length, width, **sizes)
    if not isinstance(decoder, keras.layers.Layer) or not hasattr(decoder, "step"):
        raise TypeError(f"decoder must be a name or a layer of mmzoo.decoders, received {type(decoder).__name__}")
    return decoder
