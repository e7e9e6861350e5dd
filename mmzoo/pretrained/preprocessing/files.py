"""The image preprocessing of a checkpoint's folder, read and written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmzoo.atomic import whole_file
from mmzoo.pretrained.preprocessing.fields import Preprocessing, object_of, read_json
from mmzoo.pretrained.preprocessing.open_clip import from_open_clip
from mmzoo.pretrained.preprocessing.transformers import from_transformers, to_transformers

TRANSFORMERS, OPEN_CLIP = "preprocessor_config.json", "open_clip_config.json"
_NESTED = "processor_config.json"  # transformers 5 writes all of a model's processors into one file


def read_preprocessing(folder: str | Path) -> Preprocessing | None:
    """The image preprocessing of a checkpoint's folder; None where no file says anything of it.

    In this order, the first one that there is: processor_config.json with an "image_processor" and preprocessor_config.json
    (transformers: the image processors and feature extractors of CLIP, SigLIP, ViT, and ConvNext, which is ResNet's), and
    preprocess_cfg of open_clip_config.json. Fields that are missing have that library's defaults.
    Differences that stay: mmzoo puts transparent pictures on white and keeps the high byte of 16-bit grey, where both
    libraries drop the alpha channel and clip; open_clip scales before it converts to RGB, a palette without any filter.
    Raises ValueError for a damaged file or one of over 1 MiB, another processor, and what a model of one input size cannot
    do or ImagePreprocessing not say: no resizing, padding, other filters.
    """
    folder = Path(folder)
    readers: tuple[tuple[str, Callable[[Mapping[str, Any]], Preprocessing | None]], ...] = (
        (_NESTED, lambda content: _nested(content, folder)),
        (TRANSFORMERS, lambda content: from_transformers(content, folder)),
        (OPEN_CLIP, from_open_clip),
    )
    for name, read in readers:
        path = folder / name
        if not path.exists():
            continue
        content = read_json(path)
        try:
            found = read(content)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        if found is not None:
            return found
    return None


def write_preprocessing(folder: str | Path, preprocessing: Preprocessing, *, model_type: str = "clip") -> None:
    """Writes preprocessor_config.json, which transformers' AutoImageProcessor reads back to the same preprocessing.

    model_type: transformers' name of the model; its own processor is written where it can express the preprocessing, and
    else CLIP's. No file says how the centre is rounded: transformers rounds down, a pixel from "nearest" at most.
    Raises ValueError for a crop to an oblong size without shortest_side, which no processor can express.
    """
    content = to_transformers(preprocessing, model_type)
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    with whole_file(Path(folder) / TRANSFORMERS) as path:
        path.write_text(text, encoding="utf-8")


def _nested(content: Mapping[str, Any], folder: Path) -> Preprocessing | None:
    fields = object_of(content, "image_processor")
    return from_transformers(fields, folder) if fields else None
