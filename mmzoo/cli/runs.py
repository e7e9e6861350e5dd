"""Run directories: what train writes, and eval and export read."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmzoo.atomic import whole_file

if TYPE_CHECKING:
    import keras

CONFIG, MODEL, HISTORY = "config.json", "model.keras", "history.json"


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a training gives; runs/NAME/config.json."""

    data: tuple[str, ...]
    preset: str = "tiny"
    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    loss: str = "softmax"
    tokenizer: str | None = None
    vocab_size: int = 1024
    held_out: float = 0.1
    seed: int = 0


def open_run(directory: Path, config: TrainConfig) -> None:
    """Makes the run directory, or finds that it holds an earlier part of the same run.

    Raises FileExistsError where it holds a run with another configuration, or anything else: mixing the two would lose one.
    """
    path = directory / CONFIG
    if path.is_file():
        if json.loads(path.read_text(encoding="utf-8")) != _plain(config):
            raise FileExistsError(f"{directory} holds a run with other options: choose another --out, or remove it")
        return
    if directory.exists() and any(directory.iterdir()):
        raise FileExistsError(f"{directory} must be new, empty or a run, and holds other files: choose another --out")
    directory.mkdir(parents=True, exist_ok=True)
    write_json(path, _plain(config))


def write_json(path: Path, value: Any) -> None:
    with whole_file(path) as partial:
        partial.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def load_model(path: Path) -> keras.Model:
    """The model of a run directory, or of a .keras file.

    Raises FileNotFoundError where there is none.
    """
    import mmzoo

    if path.is_dir() and not (path / MODEL).is_file():
        raise FileNotFoundError(f"{path} must be a run with a {MODEL} or a .keras file, and holds no {MODEL}")
    return mmzoo.load(path / MODEL if path.is_dir() else path)


def _plain(config: TrainConfig) -> dict[str, Any]:
    return json.loads(json.dumps(dataclasses.asdict(config)))
