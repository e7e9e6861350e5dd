"""What one kind of checkpoint is: plain functions in both directions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from mmzoo.presets import BertSizes, ClipPreset, ImagePreprocessing, ResNetSizes, ViTSizes
from mmzoo.pretrained.links import Link

Sizes = ClipPreset | ViTSizes | ResNetSizes | BertSizes


@dataclass(frozen=True)
class Family:
    """One architecture in one library's files; an addition is a module with one of these and a golden checkpoint.

    format: "hf" or "open_clip". model_types: what config.json calls it.
    sizes(config, names): the sizes to build; names are those of the file's tensors. Raises ValueError for what mmzoo has no layer for.
    config(model): the config.json of a model, or None for a model of another family. Raises ValueError where only one detail is in the way.
    links(model, names): which tensor is which variable; names are those of the file, empty where one is to be written.
    left_out(name): whether a tensor is a known head that the model does not have; it is named in a warning.
    ignored(name): whether a tensor says nothing: counters, and positions 0, 1, 2...
    any_size: whether the configuration leaves the pictures' size open.
    preprocessing(size): what the family's pictures undergo where the files do not say.
    pad_id(config): the id that texts are padded with, where it is not the tokenizer files' own.
    tokenizer: the repository whose tokenizer the family shares, or None for pictures.
    """

    name: str
    format: str
    model_types: tuple[str, ...]
    sizes: Callable[[Mapping[str, Any], Collection[str]], Sizes]
    config: Callable[[keras.Model], dict[str, Any] | None]
    links: Callable[[keras.Model, Collection[str]], list[Link]]
    any_size: bool = False
    preprocessing: Callable[[tuple[int, int]], ImagePreprocessing] | None = None
    tokenizer: str | None = None
    pad_id: Callable[[Mapping[str, Any]], int | None] = lambda config: None
    left_out: Callable[[str], bool] = lambda name: False
    ignored: Callable[[str], bool] = lambda name: False
