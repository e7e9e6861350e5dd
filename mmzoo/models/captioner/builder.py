"""Captioners from parts, in one line."""

from __future__ import annotations

import keras

from mmzoo.decoders import build_decoder
from mmzoo.encoders import get_image_encoder, get_text_encoder
from mmzoo.models.captioner.ids import SpecialIds
from mmzoo.models.captioner.model import Captioner
from mmzoo.models.trunk import Trunk
from mmzoo.presets import ImagePreprocessing
from mmzoo.tokenizer import Tokenizer


def build_captioner(
    image_encoder: keras.Model | str,
    text_encoder: keras.Model | str | None = None,
    fusion: str | keras.layers.Layer | None = None,
    *,
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
    fusion: of build_classifier, default "cross_attention" where there is a text encoder.
    decoder: "transformer", with cross-attention to all regions (arXiv:1706.03762, section 3.1); "gru" or "lstm", with attention
    over regions (Show, Attend and Tell, arXiv:1502.03044); or a layer of mmzoo.decoders.
    tokenizer: of what is written, and of the questions where the text encoder brings none; without one, vocab_size and special_ids.
    context_length: the most tokens of a text, start and end included. width, depth (4), num_heads (width / 64): of the decoder.
    Weights start at random; seed them with keras.utils.set_random_seed.
    Raises ValueError for an unknown decoder or fusion (the message lists the known), sizes that do not fit, no tokenizer and no
    vocab_size, or a fusion without a text encoder.
    """
    if vocab_size is None and tokenizer is None and isinstance(decoder, str):
        raise ValueError("build_captioner must be given a tokenizer, or vocab_size and special_ids, received neither")
    if fusion is not None and text_encoder is None:
        raise ValueError(f"fusion must be None without a text_encoder, received {fusion!r}")
    reader = get_image_encoder(image_encoder)
    if text_encoder is not None:
        reader = Trunk(reader, get_text_encoder(text_encoder, tokenizer), fusion or "cross_attention")
    sizes: dict[str, float | int] = {"dropout": dropout}
    if decoder == "transformer":
        sizes |= {"depth": 4 if depth is None else depth, "num_heads": num_heads or max(1, width // 64)}
    elif depth is not None or num_heads is not None:
        raise ValueError(f"depth and num_heads must be None with decoder={decoder!r}, received {depth} and {num_heads}")
    size = vocab_size or (tokenizer.vocab_size if tokenizer is not None else 0)
    return Captioner(
        reader,
        build_decoder(decoder, size, context_length, width, **sizes),
        tokenizer=tokenizer,
        special_ids=special_ids,
        label_smoothing=label_smoothing,
        image_preprocessing=image_preprocessing,
        name=name,
    )
