"""Text-to-image models from a text encoder or a CLIP, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from mmzoo.encoders import get_text_encoder
from mmzoo.layers import DifferentiableAugmentation
from mmzoo.models.clip import CLIP
from mmzoo.models.copying import copy_encoder
from mmzoo.models.text_to_image.discriminator import DISCRIMINATORS, build_discriminator
from mmzoo.models.text_to_image.generator import build_generator
from mmzoo.models.text_to_image.model import TextToImage
from mmzoo.models.text_to_image.objective import objective_of
from mmzoo.models.text_to_image.reading import guide_of, text_reader
from mmzoo.tokenizer import Tokenizer

SIZES = (32, 64, 128, 256)


def build_text_to_image(
    text: CLIP | keras.Model | str,
    *,
    image_size: int = 32,
    width: int = 16,
    noise_dim: int = 32,
    discriminator: str = "conv",
    discriminator_width: int | None = None,
    loss: str = "bce",
    word_attention: bool = False,
    guide: CLIP | None = None,
    guidance: float = 0.0,
    penalty: str | None = None,
    penalty_scale: float | None = None,
    penalty_every: int = 8,
    mismatched: bool = True,
    augmentation: Mapping[str, Any] | None = None,
    average_decay: float = 0.995,
    tokenizer: Tokenizer | None = None,
    name: str = "text_to_image",
) -> TextToImage:
    """Builds a GAN that draws what a text says: DF-GAN (arXiv:2008.05865), with a CLIP that reads, guides or judges as in GALIP
    (arXiv:2301.12959), and R3GAN's loss (arXiv:2501.05441) at choice.

    text: what the captions are read by, a trained CLIP (its text embedding), a trained text encoder (what it pools), or the name of
    one of mmzoo.list_presets(). It is copied and never trained here: how well it tells captions apart bounds what can be drawn.
    image_size: 32, 64, 128 or 256 pixels a side. width, discriminator_width: channels at full size, default the same.
    discriminator: "conv", on pixels, or "clip", on the frozen features of the CLIP's image encoder. loss: "bce", "hinge" or
    "relativistic". word_attention: maps of at most 16 x 16 attend to the words (AttnGAN, arXiv:1711.10485).
    guide: a CLIP whose cosine of pictures and texts is raised with the weight guidance; default the CLIP that reads.
    One with a tokenizer of its own is read guide_token_ids, which mmzoo.data.dataset makes.
    penalty: "matching" (DF-GAN's), "zero_centred" (R1 + R2, R3GAN's) or "none"; default the second for "relativistic", else the first.
    penalty_scale: its factor; penalty_every: at every so-many-th step, that many times as strong. mismatched: whether the
    discriminator sees real pictures with texts that are not about them. augmentation: arguments of DifferentiableAugmentation, such
    as {"translation": 0.125}; default none. average_decay: of the generator's averaged weights, which draw.
    Weights start at random; seed them with keras.utils.set_random_seed.
    Raises ValueError for an image_size, discriminator or loss that there is not, a discriminator or guidance without a CLIP, or a
    guide that reads other token ids than the text encoder and has no tokenizer.
    """
    if image_size not in SIZES:
        raise ValueError(f"image_size must be one of {', '.join(map(str, SIZES))}, received {image_size}")
    if discriminator not in DISCRIMINATORS:
        raise ValueError(f"discriminator must be one of {', '.join(DISCRIMINATORS)}, received {discriminator!r}")
    if width < 1 or noise_dim < 1 or (discriminator_width or 1) < 1:
        received = f"width={width}, noise_dim={noise_dim}, discriminator_width={discriminator_width}"
        raise ValueError(f"width, noise_dim and discriminator_width must be at least 1, received {received}")
    source = text if isinstance(text, CLIP) else get_text_encoder(text, tokenizer)
    clip = guide if guide is not None else source if isinstance(source, CLIP) else None
    if clip is None and (guidance or discriminator == "clip"):
        wanted = f"guidance={guidance:g}" if guidance else "discriminator='clip'"
        raise ValueError(f"{wanted} needs a CLIP, as text or as guide, received neither")
    if guide is not None and not guidance and discriminator != "clip":
        raise ValueError("guide must go with guidance above 0 or discriminator='clip', received guidance=0")
    reader = text_reader(source, word_attention)
    words = tuple(reader.output["words"].shape[1:]) if word_attention else None
    text_dim = int(reader.output["text"].shape[-1])
    objective = objective_of(loss, penalty, penalty_scale, penalty_every, mismatched=mismatched, guidance=guidance)
    guiding = clip if guidance else None
    own = tokenizer or getattr(source, "tokenizer", None)
    return TextToImage(
        reader,
        build_generator(image_size=image_size, noise_dim=noise_dim, text_dim=text_dim, width=width, words=words),
        build_discriminator(
            image_size=image_size,
            text_dim=text_dim,
            width=discriminator_width or width,
            image_encoder=copy_encoder(clip.image_encoder) if clip is not None and discriminator == "clip" else None,
        ),
        objective=objective,
        guide=None if guiding is None else guide_of(guiding, image_size),
        guide_tokenizer=None if guiding is None else _guide_tokenizer(guiding, source, own),
        augmentation=DifferentiableAugmentation(**(augmentation or {}), name="augmentation"),
        average_decay=average_decay,
        tokenizer=own,
        name=name,
    )


def _guide_tokenizer(clip: CLIP, source: CLIP | keras.Model, own: Tokenizer | None) -> Tokenizer | None:
    """The guide's own, where it reads other token ids than the text encoder; None where it reads the same.

    Raises ValueError where it reads texts of another length, or of another vocabulary, and has no tokenizer to make them by.
    """
    if clip is source:
        return None
    encoder = source.text_encoder if isinstance(source, CLIP) else source
    lengths = [int(each.input["token_ids"].shape[1]) for each in (clip.text_encoder, encoder)]
    if lengths[0] == lengths[1] and (own is None or clip.tokenizer in (None, own)):
        return None
    if clip.tokenizer is None:
        raise ValueError(
            f"guide must have a tokenizer where it reads {lengths[0]} token ids a text and the text encoder {lengths[1]}, received none"
        )
    return clip.tokenizer
