"""Pre-trainers from parts, in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras

from mmzoo.encoders import get_image_encoder, get_text_encoder
from mmzoo.models.pretrainer.model import Pretrainer
from mmzoo.presets import ImagePreprocessing
from mmzoo.tokenizer import Tokenizer


def build_pretrainer(
    image_encoder: keras.Model | str | None = None,
    text_encoder: keras.Model | str | None = None,
    objectives: Sequence[str] | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    fusion: str | keras.layers.Layer = "cross_attention",
    width: int | None = None,
    embed_dim: int = 256,
    mask_rate: float = 0.15,
    patch_mask_rate: float = 0.6,
    momentum: float | None = None,
    queue_size: int = 0,
    distillation: float = 0.4,
    tokenizer: Tokenizer | None = None,
    image_preprocessing: ImagePreprocessing | None = None,
    mask_id: int | None = None,
    special_ids: Sequence[int] = (),
    seed: int = 0,
    name: str = "pretrainer",
) -> Pretrainer:
    """Builds what trains encoders and their fusion on pictures with captions, without labels (ALBEF, arXiv:2107.07651, section 3).

    image_encoder, text_encoder: one or both, each a model with the encoder contract, trained before or not, or a name of
    mmzoo.list_presets() (of a CLIP, its side).
    objectives: default all that the encoders allow, of "itc" (which text belongs to which picture, over the batch), "itm" (does this
    text belong to this picture, against hard negatives), "mlm" (tokens that were hidden, with the picture's help where there is an
    image encoder), "mim" (patches that were hidden). weights: of their losses, default 1 each.
    fusion, width: as of build_classifier, for "itm", and "mlm" with pictures. embed_dim: of the vectors that "itc" compares.
    mask_rate: part of the tokens that is hidden; patch_mask_rate: of the patches. A ViT without a mask token is rebuilt with one:
    model.image_encoder is then a copy.
    momentum: such as 0.995, adds a moving average of the weights, whose opinion is `distillation` of the targets of "itc" and "mlm";
    queue_size: how many of its past embeddings "itc" compares with too. On one device only.
    tokenizer: gives a named text encoder its vocabulary, and "mlm" its mask token; without one mask_id is the mask token's id and
    special_ids are never hidden, nor are the pad and the end that the encoder looks for.
    seed: of the masks and negatives; what is drawn without training is the same each time.
    Weights start at random; seed them with keras.utils.set_random_seed.
    Raises ValueError for objectives that the encoders do not allow, and for numbers out of range.
    """
    return Pretrainer(
        None if image_encoder is None else get_image_encoder(image_encoder),
        None if text_encoder is None else get_text_encoder(text_encoder, tokenizer),
        objectives,
        objective_weights=weights,
        fusion=fusion,
        width=width,
        embed_dim=embed_dim,
        mask_rate=mask_rate,
        patch_mask_rate=patch_mask_rate,
        momentum=momentum,
        queue_size=queue_size,
        distillation=distillation,
        tokenizer=tokenizer,
        image_preprocessing=image_preprocessing,
        mask_id=mask_id,
        special_ids=special_ids,
        seed=seed,
        name=name,
    )
