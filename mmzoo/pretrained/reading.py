"""Checkpoints of other libraries as models of mmzoo."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

from mmzoo.encoders import TextEncoder, build_encoder
from mmzoo.encoders.tokenizers import check_tokenizer
from mmzoo.loading import load
from mmzoo.models.clip import CLIP
from mmzoo.presets import BertSizes, ClipPreset, ImagePreprocessing
from mmzoo.pretrained.assigning import load_weights, uninitialized
from mmzoo.pretrained.checkpoint import Checkpoint
from mmzoo.pretrained.families import Family, Sizes
from mmzoo.pretrained.origin import Origin
from mmzoo.pretrained.preprocessing import Preprocessing, from_open_clip, read_preprocessing
from mmzoo.pretrained.recognition import KERAS, Found, image_sizes, open_found, recognise
from mmzoo.pretrained.resizing import for_image_size
from mmzoo.pretrained.sources import resolve
from mmzoo.pretrained.tokenizers import read_tokenizer
from mmzoo.tokenizer import Tokenizer


def from_pretrained(
    source: str | Path,
    *,
    image_size: int | tuple[int, int] | None = None,
    context_length: int | None = None,
    tokenizer: Tokenizer | None = None,
    image_preprocessing: ImagePreprocessing | None = None,
) -> Any:
    """Loads a checkpoint of transformers or open_clip: configuration, weights, tokenizer and image preprocessing.

    source: a folder, or "hf://owner/name" or "hf://owner/name@revision" of the Hugging Face hub. Read are config.json of
    transformers' CLIP (MetaCLIP's too), SigLIP (SigLIP 2 at a fixed resolution too), BERT, ViT and ResNet, open_clip_config.json of
    a CLIP with a ViT or CLIP's ResNet, and what save_pretrained writes. Weights come from safetensors, in one file or in shards,
    in float32, float16 or bfloat16; never from a pickle. The model's own are float32 (or as the dtype policy says).
    image_size: another than the checkpoint's, in pixels; learned positions are resized with bicubic interpolation and antialias.
    context_length: of a BERT, at most as many as it has positions for; short texts cost less.
    tokenizer, image_preprocessing: instead of what the files say; the preprocessing must have the model's size.

    Returns a CLIP, an ImageEncoder (ViT, ResNet) or a TextEncoder (BERT). A task's head that the encoder does not have is left out
    with a warning that names it. What the files do not say of pictures or texts is the family's default, with a warning.
    Raises TypeError for a tokenizer or preprocessing of another kind; FileNotFoundError where there is no such folder or file;
    ValueError for a model_type that is not among these, an option that mmzoo has no layer for, a damaged file, and a tensor that is
    missing, unknown or of another shape: half a model would be wrong without a word. Nothing is assigned before everything has been
    checked.
    """
    if tokenizer is not None and not isinstance(tokenizer, Tokenizer):
        raise TypeError(
            f"tokenizer must be a mmzoo.Tokenizer, received {tokenizer!r:.80}: Tokenizer.from_file reads one"
        )
    if image_preprocessing is not None and not isinstance(image_preprocessing, ImagePreprocessing):
        raise TypeError(f"image_preprocessing must be a mmzoo.ImagePreprocessing, received {image_preprocessing!r:.80}")
    folder = resolve(source)
    if (folder / KERAS).is_file():
        return _load_keras(folder / KERAS, image_size, context_length, tokenizer, image_preprocessing)
    found = recognise(folder)
    checkpoint = open_found(found)
    stored = found.sizes(checkpoint.tensors)
    pictures = _pictures(found, stored, image_preprocessing)
    sizes = _with_sizes(stored, found.family, pictures, image_size, context_length)
    _check_given(image_preprocessing, sizes)
    texts = tokenizer or _texts(found, sizes)
    with uninitialized():
        model = _build(sizes, texts)
    links = found.family.links(model, checkpoint.tensors)
    left_out = _left_out(found.family, checkpoint)
    view = for_image_size(checkpoint, links, model, stored, sizes)
    load_weights(model, links, view, ignored=left_out)
    if pictures is not None:
        if image_size is None and pictures.image.size != model.image_size:
            warnings.warn(
                f"{folder} scales pictures to {pictures.image.size}, and its model reads {model.image_size}: they are scaled to that",
                stacklevel=2,
            )
        model.image_preprocessing = image_preprocessing or _sized(pictures, model.image_size)
    model.origin = Origin.of(checkpoint, model, links, found.family, resized=view is not checkpoint)
    return model


def _load_keras(path: Path, *options: Any) -> Any:
    if any(option is not None for option in options):
        raise ValueError(
            f"{path} is a model of Keras and loads as it was saved: image_size, context_length, tokenizer and "
            "image_preprocessing must be None"
        )
    return load(path)


def _build(sizes: Sizes, tokenizer: Tokenizer | None) -> Any:
    if not isinstance(sizes, ClipPreset):
        encoder = build_encoder(sizes)
        if tokenizer is not None and isinstance(encoder, TextEncoder):
            check_tokenizer(tokenizer, encoder)
            encoder.tokenizer = tokenizer
        return encoder
    return CLIP(
        build_encoder(sizes.image),
        build_encoder(sizes.text),
        embed_dim=sizes.embed_dim,
        loss=sizes.loss,
        image_projection=sizes.image_projection,
        text_projection=sizes.text_projection,
        tokenizer=tokenizer,
    )


def _with_sizes(
    sizes: Sizes,
    family: Family,
    pictures: Preprocessing | None,
    image_size: int | tuple[int, int] | None,
    context_length: int | None,
) -> Sizes:
    """The sizes with the pictures' normalisation of the files, and with what the caller asked for."""
    if isinstance(sizes, BertSizes):
        if image_size is not None:
            raise ValueError(f"image_size must be None for {family.name}, which reads texts, received {image_size}")
        return sizes if context_length is None else _shortened(sizes, context_length)
    if context_length is not None:
        raise ValueError(
            f"context_length must be None for {family.name}, which has no choice, received {context_length}"
        )
    image: Any = image_sizes(sizes)
    if pictures is not None:
        image = dataclasses.replace(image, mean=pictures.mean, std=pictures.std)
        if family.any_size:
            image = dataclasses.replace(image, image_size=pictures.image.size)
    if image_size is not None:
        image = dataclasses.replace(image, image_size=image_size)
    return dataclasses.replace(sizes, image=image) if isinstance(sizes, ClipPreset) else image


def _shortened(sizes: BertSizes, context_length: int) -> BertSizes:
    most = sizes.max_positions or sizes.context_length
    if not 1 <= context_length <= most:
        raise ValueError(f"context_length must be from 1 to the {most} positions learned, received {context_length}")
    return dataclasses.replace(sizes, context_length=context_length, max_positions=most)


def _pictures(found: Found, sizes: Sizes, given: ImagePreprocessing | None) -> Preprocessing | None:
    """What the files say of pictures, or the family's default; None for a model of texts."""
    image = image_sizes(sizes)
    if image is None:
        if given is not None:
            raise ValueError(f"image_preprocessing must be None for {found.family.name}, received {given}")
        return None
    read = from_open_clip(found.config) if found.family.format == "open_clip" else None
    read = read or read_preprocessing(found.folder)
    size = image.image_size if isinstance(image.image_size, tuple) else (image.image_size, image.image_size)
    if read is None and found.family.preprocessing is not None:
        read = Preprocessing(found.family.preprocessing(size), image.mean, image.std)
        if given is None:
            warnings.warn(
                f"{found.folder} says nothing of image preprocessing: that of {found.family.name} stands in, {read}",
                stacklevel=3,
            )
    return read if given is None or read is None else dataclasses.replace(read, image=given)


def _check_given(preprocessing: ImagePreprocessing | None, sizes: Sizes) -> None:
    """Refuses a preprocessing of another size than the model's: it would be resized to, or the model be another."""
    if preprocessing is None:
        return
    size = image_sizes(sizes).image_size
    size = size if isinstance(size, tuple) else (size, size)
    if preprocessing.size != size:
        raise ValueError(
            f"image_preprocessing must have the model's size {size}, received {preprocessing.size}: image_size= changes the model's"
        )


def _sized(pictures: Preprocessing | None, size: tuple[int, int]) -> ImagePreprocessing:
    """The preprocessing for pictures of the model's size; the border that is cut off keeps its share."""
    image = ImagePreprocessing(size) if pictures is None else pictures.image
    if image.size == size:
        return image
    shortest = image.shortest_side
    if shortest is not None:
        shortest = max(round(shortest * min(size) / min(image.size)), *size)
    return dataclasses.replace(image, size=size, shortest_side=shortest)


def _texts(found: Found, sizes: Sizes) -> Tokenizer | None:
    """The tokenizer of the files, or the family's from the hub's cache; None for a model of pictures, or without any."""
    repository = found.family.tokenizer
    if repository is None:
        return None
    tokenizer = read_tokenizer(found.folder, pad_id=found.family.pad_id(found.config))
    if tokenizer is not None:
        return tokenizer
    text = sizes.text if isinstance(sizes, ClipPreset) else sizes
    cached = _cached(repository)
    stand_in = read_tokenizer(cached, pad_id=found.family.pad_id(found.config)) if cached else None
    if stand_in is not None and stand_in.vocab_size != getattr(text, "vocab_size", None):
        stand_in = None  # another model of the family: its ids would be other words
    what = (
        f"that of {repository} in the hub's cache stands in"
        if stand_in
        else f"none in the hub's cache fits (that of {repository} would), so the model takes token ids: give tokenizer="
    )
    warnings.warn(f"{found.folder} has no tokenizer: {what}", stacklevel=3)
    return stand_in


def _cached(repository: str) -> Path | None:
    """The folder of a repository's tokenizer.json, if it was downloaded before; the network is not asked."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repository, "tokenizer.json")
    return Path(path).parent if isinstance(path, str) else None


def _left_out(family: Family, checkpoint: Checkpoint) -> Collection[str]:
    """Names of tensors that are not used; the heads among them are named in a warning."""
    heads = [name for name in checkpoint.tensors if family.left_out(name)]
    if heads:
        more = f" and {len(heads) - 3} more" if len(heads) > 3 else ""
        warnings.warn(
            f"{checkpoint.folder} has a head that an encoder does not: {', '.join(heads[:3])}{more} are left out",
            stacklevel=3,
        )
    return {*heads, *(name for name in checkpoint.tensors if family.ignored(name))}
