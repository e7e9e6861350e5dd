"""Whether a tokenizer fits a text encoder."""

from __future__ import annotations

import keras

from mmzoo.encoders.contract import id_range
from mmzoo.layers import EndOfTextPooling, TokenMask
from mmzoo.tokenizer import Tokenizer


def check_tokenizer(tokenizer: Tokenizer, text_encoder: keras.Model) -> None:
    """Refuses a tokenizer whose ids the encoder cannot embed, or whose end of text it would not find: it would train, and badly."""
    ids = id_range(text_encoder)
    if ids is not None and tokenizer.vocab_size > ids[1] + 1:
        raise ValueError(
            f"text_encoder must have vocab_size={tokenizer.vocab_size} for this tokenizer, received {ids[1] + 1}"
        )
    pooling = next((layer for layer in text_encoder.layers if isinstance(layer, EndOfTextPooling)), None)
    mask = next((layer for layer in text_encoder.layers if isinstance(layer, TokenMask)), None)
    if mask is not None and mask.rule == "pad_id" and mask.pad_id != tokenizer.pad_id:
        raise ValueError(
            f"text_encoder must have pad_id={tokenizer.pad_id} for this tokenizer, received {mask.pad_id}: it would read padding"
        )
    if mask is not None and mask.rule == "after_first_eos" and mask.end_id != tokenizer.end_id:
        raise ValueError(
            f"text_encoder must mask after end_id={tokenizer.end_id} for this tokenizer, received {mask.end_id}"
        )
    if pooling is not None:
        found = tokenizer.vocab_size - 1 if pooling.end_id is None else pooling.end_id
        if found != tokenizer.end_id:
            raise ValueError(
                f"text_encoder must have end_id={tokenizer.end_id} for this tokenizer, received {pooling.end_id}"
            )
