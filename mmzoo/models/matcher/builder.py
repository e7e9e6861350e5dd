"""Matchers from parts, in one line."""

from __future__ import annotations

import keras

from mmzoo.encoders import get_image_encoder, get_text_encoder
from mmzoo.models.matcher.model import Matcher
from mmzoo.models.trunk import Trunk
from mmzoo.presets import ImagePreprocessing
from mmzoo.tokenizer import Tokenizer


def build_matcher(
    image_encoder: keras.Model | str,
    text_encoder: keras.Model | str,
    fusion: str | keras.layers.Layer = "cross_attention",
    *,
    width: int | None = None,
    embed_dim: int = 256,
    tokenizer: Tokenizer | None = None,
    image_preprocessing: ImagePreprocessing | None = None,
    seed: int = 0,
    name: str = "matcher",
) -> Matcher:
    """Builds what tells whether a text belongs to a picture (image-text matching; ALBEF, arXiv:2107.07651, section 3.2).

    image_encoder, text_encoder: a model with the encoder contract, or a name of mmzoo.list_presets() (of a CLIP, its side).
    fusion: a name of mmzoo.fusion.FUSIONS or one of its layers; width: of the fused vectors, default the text's pooled size.
    embed_dim: of the vectors whose similarity finds hard negatives, where `fit` is given no labels. seed: of their draw.
    tokenizer: gives a named text encoder its vocabulary; a text encoder that brings its own keeps it.
    Weights start at random; seed them with keras.utils.set_random_seed.
    Raises ValueError for an unknown fusion (the message lists the known), or sizes that do not fit.
    """
    trunk = Trunk(get_image_encoder(image_encoder), get_text_encoder(text_encoder, tokenizer), fusion, width=width)
    return Matcher(
        trunk,
        embed_dim=embed_dim,
        tokenizer=tokenizer,
        image_preprocessing=image_preprocessing,
        seed=seed,
        name=name,
    )
