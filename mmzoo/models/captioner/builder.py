"""Captioners from parts, in one line."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.decoders import build_decoder
from mmzoo.encoders import get_image_encoder, get_text_encoder
from mmzoo.models.captioner.ids import SpecialIds
from mmzoo.models.captioner.model import Captioner
from mmzoo.models.trunk import Trunk
from mmzoo.presets import ImagePreprocessing
from mmzoo.tokenizer import Tokenizer


def build_captioner(
    image_encoder: keras.Model | str | None = None,
    text_encoder: keras.Model | str | None = None,
    fusion: str | keras.layers.Layer | None = None,
    *,
    trunk: Trunk | None = None,
    decoder: str | keras.layers.Layer = "transformer",
    tokenizer: Tokenizer | None = None,
    vocab_size: int | None = None,
    context_length: int = 32,
    width: int = 256,
    depth: int | None = None,
    num_heads: int | None = None,
    dropout: float = 0.0,
    label_smoothing: float = 0.0,
    special_ids: SpecialIds | None = None,
    image_preprocessing: ImagePreprocessing | None = None,
    name: str = "captioner",
) -> Captioner:
    """Builds what writes captions, or, with a text encoder and a fusion, answers to questions in words of its own.

    image_encoder, text_encoder: a model with the encoder contract, or a name of mmzoo.list_presets() (of a CLIP, its side).
    fusion: of build_classifier, default "cross_attention" where there is a text encoder. trunk: that of another model, in place of all
    three, whose weights are then shared with it.
    decoder: "transformer", with cross-attention to all regions (arXiv:1706.03762, section 3.1); "gru" or "lstm", with attention
    over regions (Show, Attend and Tell, arXiv:1502.03044); or a layer of mmzoo.decoders.
    tokenizer: of what is written, and of the questions where the text encoder brings none; without one, vocab_size and special_ids.
    context_length: the most tokens of a text, start and end included. width, depth (4), num_heads (width / 64): of the decoder.
    Weights start at random; seed them with keras.utils.set_random_seed.
    Raises ValueError for an unknown decoder or fusion (the message lists the known), sizes that do not fit, no tokenizer and no
    vocab_size, a fusion without a text encoder, or a trunk together with what would make one.
    """
    if (trunk is None) == (image_encoder is None) or (trunk is not None and (text_encoder or fusion) is not None):
        raise ValueError("build_captioner must be given an image_encoder, or a trunk and no encoders or fusion")
    if vocab_size is None and tokenizer is None and isinstance(decoder, str):
        raise ValueError("build_captioner must be given a tokenizer, or vocab_size and special_ids, received neither")
    size = vocab_size or (tokenizer.vocab_size if tokenizer is not None else 0)
    return Captioner(
        trunk or _reader(image_encoder, text_encoder, fusion, tokenizer),
        build_decoder(decoder, size, context_length, width, depth=depth, num_heads=num_heads, dropout=dropout),
        tokenizer=tokenizer,
        special_ids=special_ids,
        label_smoothing=label_smoothing,
        image_preprocessing=image_preprocessing,
        name=name,
    )


def _reader(
    image_encoder: Any, text_encoder: Any, fusion: str | keras.layers.Layer | None, tokenizer: Tokenizer | None
) -> keras.Model:
    if fusion is not None and text_encoder is None:
        raise ValueError(f"fusion must be None without a text_encoder, received {fusion!r}")
    image = get_image_encoder(image_encoder)
    if text_encoder is None:
        return image
    return Trunk(image, get_text_encoder(text_encoder, tokenizer), fusion or "cross_attention")
