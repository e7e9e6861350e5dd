"""Models as the commands take them, and run directories: what train writes, and eval and export read."""

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
    from mmzoo.models import CLIP
    from mmzoo.tokenizer import Tokenizer

CONFIG, TOKENIZER, MODEL, HISTORY = "config.json", "tokenizer.json", "model.keras", "history.json"
OPEN_CLIP = "open_clip_config.json"


def start_keras() -> None:
    """Loads Keras and its backend without the lines that TensorFlow prints while it starts."""
    from mmzoo.bundle.chatter import quiet

    with quiet():
        import keras

        keras.ops.zeros(())  # the backend looks for devices when it makes its first tensor


@dataclass(frozen=True)
class TrainConfig:
    """What the user decides about a training: a new model of a preset's sizes, or on with one there is."""

    data: tuple[str, ...]
    preset: str | None = "tiny"
    model: str | None = None
    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    loss: str | None = "softmax"
    tokenizer: str | None = None
    vocab_size: int = 1024
    held_out: float = 0.1
    seed: int = 0


def check_run(directory: Path, config: TrainConfig, train: Pairs, test: Pairs) -> None:
    """Makes sure that the directory is new, empty, or an earlier part of the same run on the same data.

    Raises FileExistsError where it holds another run or anything else: mixing the two would lose one.
    """
    earlier = read_config(directory)
    if earlier is not None:
        stored = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
        if stored | {"options": _plain(earlier)} != _record(config, train, test):
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
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or "options" not in content:  # a checkpoint of another library
        return None
    options = content["options"]
    return TrainConfig(**options | {"data": tuple(options["data"])})


def write_json(path: Path, value: Any) -> None:
    with whole_file(path) as partial:
        partial.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def check_model(model: str) -> None:
    """Raises FileNotFoundError where there is nothing for load_model; what a checkpoint holds is seen when it is read."""
    path = Path(model)
    if model.startswith("hf://") or path.is_file():
        return
    wanted = "must be a .keras file, a finished run, a checkpoint's folder or hf://owner/name"
    if not path.is_dir():
        raise FileNotFoundError(f"{model} {wanted}, found nothing there")
    if not (path / MODEL).is_file() and (read_config(path) or not is_checkpoint(path)):
        raise FileNotFoundError(f"{model} {wanted}, and holds no {MODEL}")


def load_model(model: str) -> keras.Model:
    """The model of a run directory, a .keras file, a checkpoint's folder, or a repository of the Hugging Face hub.

    Raises FileNotFoundError where there is none, ValueError where it cannot be read.
    """
    import mmzoo

    check_model(model)
    path = Path(model)
    if path.is_file():
        return mmzoo.load(path)
    return mmzoo.load(path / MODEL) if (path / MODEL).is_file() else mmzoo.from_pretrained(model)


def load_clip(model: str, option: str = "--model") -> tuple[CLIP, Tokenizer]:
    """As load_model, for what needs both towers and strings. Raises ValueError for another model, or one without tokenizer.

    option: what the user named it with.
    """
    from mmzoo.models import CLIP

    loaded = load_model(model)
    if not isinstance(loaded, CLIP):
        raise ValueError(
            f"{option} must be a CLIP, received {model} with another model, of the class {type(loaded).__name__}"
        )
    if loaded.tokenizer is None:
        raise ValueError(f"{option} must be a CLIP with its tokenizer, received {model} with a CLIP that has none")
    return loaded, loaded.tokenizer


def is_checkpoint(folder: Path) -> bool:
    """Whether it has a configuration of transformers or open_clip, or of a run: ask read_config first."""
    return (folder / CONFIG).is_file() or (folder / OPEN_CLIP).is_file()


def _record(config: TrainConfig, train: Pairs, test: Pairs) -> dict[str, Any]:
    """The options, and a hash of the captions they led to: a folder may have changed since."""
    captions = hashlib.sha256(json.dumps([train.captions, test.captions]).encode()).hexdigest()
    return {"options": _plain(config), "pictures": [len(train), len(test)], "captions_sha256": captions}


def _plain(config: TrainConfig) -> dict[str, Any]:
    """As JSON has it."""
    return json.loads(json.dumps(dataclasses.asdict(config)))
