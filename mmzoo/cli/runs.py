"""Run directories: what train writes, and eval and export read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmzoo.atomic import whole_file

if TYPE_CHECKING:
    import keras

    from mmzoo.data import Pairs

CONFIG, TOKENIZER, MODEL, HISTORY = "config.json", "tokenizer.json", "model.keras", "history.json"


@dataclass(frozen=True)
class TrainConfig:
    """What the user decides about a training."""

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


def check_run(directory: Path, config: TrainConfig, train: Pairs, test: Pairs) -> None:
    """Makes sure that the directory is new, empty, or an earlier part of the same run on the same data.

    Raises FileExistsError where it holds another run or anything else: mixing the two would lose one.
    """
    path = directory / CONFIG
    if path.is_file():
        if json.loads(path.read_text(encoding="utf-8")) != _record(config, train, test):
            raise FileExistsError(
                f"{directory} holds a run with other options or other data: choose another directory for the run, or remove it"
            )
    elif directory.exists() and any(directory.iterdir()):
        raise FileExistsError(
            f"{directory} must be new, empty or a run, and holds other files: choose another directory"
        )


def begin_run(directory: Path, config: TrainConfig, train: Pairs, test: Pairs) -> None:
    """Makes the directory and writes what check_run compares."""
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / CONFIG, _record(config, train, test))


def read_config(directory: Path) -> TrainConfig | None:
    """The configuration of a run directory; None for anything else."""
    path = directory / CONFIG
    if not path.is_file():
        return None
    options = json.loads(path.read_text(encoding="utf-8"))["options"]
    return TrainConfig(**options | {"data": tuple(options["data"])})


def write_json(path: Path, value: Any) -> None:
    with whole_file(path) as partial:
        partial.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def check_model(path: Path) -> None:
    """Raises FileNotFoundError where there is nothing for load_model."""
    if not path.exists():
        raise FileNotFoundError(f"{path} must be a .keras file or a run with a {MODEL}, found nothing there")
    if path.is_dir() and not (path / MODEL).is_file():
        raise FileNotFoundError(f"{path} must be a .keras file or a run with a {MODEL}, and holds no {MODEL}")


def load_model(path: Path) -> keras.Model:
    """The model of a run directory, or of a .keras file.

    Raises FileNotFoundError where there is none.
    """
    import mmzoo

    check_model(path)
    return mmzoo.load(path / MODEL if path.is_dir() else path)


def _record(config: TrainConfig, train: Pairs, test: Pairs) -> dict[str, Any]:
    """The options, and a hash of the captions they led to: a folder may have changed since."""
    captions = hashlib.sha256(json.dumps([train.captions, test.captions]).encode()).hexdigest()
    record = {"options": dataclasses.asdict(config), "pictures": [len(train), len(test)], "captions_sha256": captions}
    return json.loads(json.dumps(record))
