"""The files beside a pretrainer's weights: of one encoder alone there is only one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmzoo.encoders.contract import (
    PREPROCESSING,
    TOKENIZER,
    read_preprocessing,
    read_tokenizer,
    write_preprocessing,
)


def write_pretrainer_assets(model: Any, directory: str | Path) -> None:
    """Writes tokenizer.json and preprocessing.json, each where the model has one."""
    if model.tokenizer is not None:
        model.tokenizer.save(Path(directory) / TOKENIZER)
    if model.image_preprocessing is not None:
        write_preprocessing(model.image_preprocessing, directory)


def read_pretrainer_assets(model: Any, directory: str | Path | None) -> None:
    """Gives the model what write_pretrainer_assets wrote; a directory of None is an empty one."""
    if directory is None:
        return
    model.tokenizer = read_tokenizer(directory)
    if (Path(directory) / PREPROCESSING).exists():
        model.image_preprocessing = read_preprocessing(directory)
