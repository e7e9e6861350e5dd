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
    decoder: str | keras.layers.Layer, vocab_size: int, context_length: int, width: int, **sizes: Any
) -> Any:
    """A decoder of this name, or the layer itself.

    Raises ValueError for an unknown name (the message lists the known), TypeError for what is neither name nor decoder.
    """
    if isinstance(decoder, str):
        if decoder not in DECODERS:
            raise ValueError(f"decoder must be one of {', '.join(DECODERS)}, received {decoder!r}")
        return DECODERS[decoder](vocab_size, context_length, width, name="decoder", **sizes)
    if not isinstance(decoder, keras.layers.Layer) or not hasattr(decoder, "step"):
        raise TypeError(f"decoder must be a name or a layer of mmzoo.decoders, received {type(decoder).__name__}")
    return decoder
