"""Models of mmzoo as checkpoints that other libraries load."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.atomic import whole_directory
from mmzoo.layers import ImageNormalization
from mmzoo.pretrained.assigning import new_tensors
from mmzoo.pretrained.families import FAMILIES, Family
from mmzoo.pretrained.links import Link, stored_shape, to_stored
from mmzoo.pretrained.origin import Origin
from mmzoo.pretrained.preprocessing import Preprocessing, open_clip_preprocessing, write_preprocessing
from mmzoo.pretrained.recognition import HUGGING_FACE, KERAS, OPEN_CLIP, STEMS
from mmzoo.pretrained.storing import NewTensor, write_checkpoint
from mmzoo.pretrained.tokenizers import write_tokenizer

FORMATS = ("hf", "open_clip", "keras")
_DTYPES = ("float32", "float16", "bfloat16")
_STATISTICS, _COUNTER = ".running_mean", ".num_batches_tracked"
# What checkpoints of these libraries consist of.
_FILES = re.compile(
    r"model\.keras|(open_clip_)?config\.json|generation_config\.json|(pre)?processor_config\.json"
    r"|(open_clip_(pytorch_)?)?model(-\d+-of-\d+)?\.safetensors|(open_clip_(pytorch_)?)?model\.safetensors\.index\.json"
    r"|tokenizer(_config)?\.json|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt"
    r"|(spiece|tokenizer)\.model"
)
_SHARD = 5_000_000_000  # bytes


def save_pretrained(
    model: keras.Model,
    directory: str | Path,
    *,
    format: str = "hf",
    dtype: str | None = None,
    max_shard_bytes: int = _SHARD,
    overwrite: bool = False,
) -> None:
    """Writes a model as a checkpoint: configuration, safetensors, tokenizer, image preprocessing.

    format: "hf" for transformers (CLIP, SigLIP, BERT, ViT, ResNet), "open_clip" (a CLIP), or "keras": model.keras, which takes any
    model and keeps the optimizer. from_pretrained reads each back.
    dtype: "float32", "float16" or "bfloat16" of the file; None is each tensor's own in the file that from_pretrained read, as long
    as no weight would change by it, and else float32, as for a model that was saved as .keras in between.
    max_shard_bytes: a larger file is written in shards with an index. overwrite: replaces an earlier checkpoint.
    The directory appears when it is whole. Raises FileExistsError where it exists (with overwrite: where it holds anything but a
    checkpoint); ValueError for an unknown format or dtype, weights too large for float16, and a model that the format cannot say,
    such as a text encoder that is no transformer: another library would compute something else.
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, received {format!r}")
    if dtype is not None and dtype not in _DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(_DTYPES)}, or None, received {dtype!r}")
    if format == "keras" and dtype is not None:
        raise ValueError(f"dtype must be None for format 'keras', which keeps the model's own, received {dtype!r}")
    if max_shard_bytes < 1:
        raise ValueError(f"max_shard_bytes must be at least 1, received {max_shard_bytes}")
    family, config = (None, {}) if format == "keras" else _expressed(model, format)
    with whole_directory(Path(directory), replaces=_is_checkpoint if overwrite else None) as folder:
        if family is None:
            model.save(folder / KERAS)
            return
        links = family.links(model, ())
        tensors = _tensors(model, family, links, dtype)
        write_checkpoint(folder / f"{STEMS[format][0]}.safetensors", tensors, max_shard_bytes=max_shard_bytes)
        _write_texts(model, folder)
        pictures = _pictures(model)
        if format == "open_clip":
            config = config | {"preprocess_cfg": open_clip_preprocessing(pictures)} if pictures else config
        else:
            config = config | {"dtype": Counter(tensors[link.name].dtype for link in links).most_common(1)[0][0]}
            if pictures:
                write_preprocessing(folder, pictures, model_type=config["model_type"])
        name = OPEN_CLIP if format == "open_clip" else HUGGING_FACE
        (folder / name).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _expressed(model: keras.Model, format: str) -> tuple[Family, dict[str, Any]]:
    """The family that can say the model, and its configuration."""
    candidates = [family for family in FAMILIES if family.format == format]
    for family in candidates:
        config = family.config(model)
        if config is not None:
            return family, config
    names = ", ".join(family.name for family in candidates)
    raise ValueError(
        f"format {format!r} can say {names}, in the very layers of that library, and this {type(model).__name__} has others, such as "
        "another image encoder, pooling or projection: format='keras' takes any model"
    )


def _tensors(model: Any, family: Family, links: Sequence[Link], dtype: str | None) -> dict[str, NewTensor]:
    """What is written: the weights, and what the file they came from had besides."""
    origin = getattr(model, "origin", None)
    origin = origin if isinstance(origin, Origin) and origin.family == family.name else Origin(family.name, {})
    dtypes = _dtypes(links, origin.dtypes) if dtype is None else dict.fromkeys((link.name for link in links), dtype)
    tensors = {name: tensor for link in links for name, tensor in new_tensors([link], dtypes[link.name]).items()}
    extras = {name: value for name, value in origin.extras.items() if not name.endswith(_COUNTER)}
    for link in links:
        if link.name.endswith(_STATISTICS):  # torch counts the batches that went into them; nothing here reads it
            counter = link.name.removesuffix(_STATISTICS) + _COUNTER
            extras[counter] = origin.extras.get(counter, np.zeros((), np.int64))
    return tensors | {name: _constant(value) for name, value in extras.items()}


def _constant(value: np.ndarray) -> NewTensor:
    return NewTensor(value.shape, value.dtype.name, lambda: value)


def _dtypes(links: Sequence[Link], origin: Mapping[str, str]) -> dict[str, str]:
    """Each tensor's dtype in the file it came from, or float32 for all where training has made values that need it."""
    dtypes = {link.name: origin.get(link.name, "float32") for link in links}
    narrow = [link for link in links if dtypes[link.name] != "float32"]
    if all(_fits(link, dtypes[link.name]) for link in narrow):
        return dtypes
    return dict.fromkeys(dtypes, "float32")


def _fits(link: Link, dtype: str) -> bool:
    """Whether the variables' values are values of the dtype, NaN among them."""
    try:
        stored = to_stored(link, dtype)
    except ValueError:  # too large for float16
        return False
    wide = to_stored(link, "float32")
    return bool(np.array_equal(stored.astype(np.float32).reshape(stored_shape(link)), wide, equal_nan=True))


def _pictures(model: Any) -> Preprocessing | None:
    """How pictures become the model's input, or None for a model of texts."""
    image = getattr(model, "image_preprocessing", None)
    if image is None:
        return None
    encoder = getattr(model, "image_encoder", model)
    normalization = next(layer for layer in encoder.layers if isinstance(layer, ImageNormalization))
    return Preprocessing(image, normalization.mean, normalization.std)


def _write_texts(model: Any, folder: Path) -> None:
    tokenizer = getattr(model, "tokenizer", None)
    if tokenizer is not None:
        encoder = getattr(model, "text_encoder", model)
        write_tokenizer(tokenizer, folder, length=encoder.inputs[0].shape[1])


def _is_checkpoint(directory: Path) -> bool:
    """Whether a directory holds a checkpoint and nothing else, so that replacing it loses nothing."""
    if not directory.is_dir() or directory.is_symlink():
        return False
    names = [path.name for path in directory.iterdir()]
    return all(_FILES.fullmatch(name) for name in names) and any(
        name in (KERAS, HUGGING_FACE, OPEN_CLIP) for name in names
    )
