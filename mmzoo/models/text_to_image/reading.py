"""What a generator knows of a text, and what guides it: parts of a CLIP or of an encoder, copied and locked."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.encoders.contract import inputs_like
from mmzoo.layers.locking import set_trainable
from mmzoo.models.clip import CLIP
from mmzoo.models.copying import copy_encoder


def text_reader(source: CLIP | keras.Model, words: bool) -> keras.Model:
    """token_ids (B, T) -> text (B, E) float32 of mean square 1; with words also words (B, T, D) and mask (B, T) bool.

    Of a CLIP the text is its embedding, of a text encoder what it pools. It is a copy, and locked.
    Raises ValueError for an encoder without a pooled output, or, for words, without a sequence and a mask.
    """
    encoder = copy_encoder(source.text_encoder if isinstance(source, CLIP) else source)
    inputs = inputs_like(encoder)
    if list(inputs) != ["token_ids"]:
        raise ValueError(f"text_encoder must have one input named token_ids, received {sorted(inputs)}")
    read = encoder(inputs)
    needed = ("pooled", "sequence", "mask") if words else ("pooled",)
    if not isinstance(read, dict) or any(name not in read for name in needed):
        raise ValueError(f"text_encoder must return a dictionary with {', '.join(needed)}, received {read!r}")
    text, projection = read["pooled"], None
    if isinstance(source, CLIP) and source.text_projection != "none":
        before = source.text_tower.get_layer("projection")
        projection = keras.layers.Dense.from_config(before.get_config())
        text = projection(text)
        projection.set_weights(before.get_weights())
    unit = keras.layers.UnitNormalization(dtype="float32", name="unit_text")(text)
    outputs = {"text": unit * unit.shape[-1] ** 0.5}
    if words:
        outputs |= {"words": read["sequence"], "mask": read["mask"]}
    reader = keras.Model(inputs, outputs, name="text_reader")
    set_trainable(reader, False)
    return reader


def guide_of(clip: CLIP, image_size: int) -> keras.Model:
    """images (B, S, S, 3) in [0, 255], token_ids (B, T) -> cosine (B,) of each picture with its text, by a locked copy of the CLIP."""
    images = keras.Input((image_size, image_size, 3), name="images")
    sized = resized(images, clip.image_size)
    inputs = {"images": images, **inputs_like(clip.text_tower)}
    picture = _copy(clip.image_tower)({"images": sized})["image_embeds"]
    text = _copy(clip.text_tower)({"token_ids": inputs["token_ids"]})["text_embeds"]
    cosine = keras.layers.Dot(1, dtype="float32", name="cosine")([picture, text])
    guide = keras.Model(inputs, {"cosine": cosine[:, 0]}, name="guide")
    set_trainable(guide, False)
    return guide


def resized(images: Any, size: tuple[int, int]) -> Any:
    """(B, H, W, C) -> (B, *size, C): places averaged where that is enough, else bilinear, both of which have second derivatives."""
    (height, width), (new_height, new_width) = images.shape[1:3], size
    if (height, width) == (new_height, new_width):
        return images
    if height % new_height == 0 and width % new_width == 0:
        return ops.average_pool(images, (height // new_height, width // new_width))
    return ops.image.resize(images, size, interpolation="bilinear")


def _copy(tower: keras.Model) -> keras.Model:
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(tower))
    copy.set_weights(tower.get_weights())
    return copy
