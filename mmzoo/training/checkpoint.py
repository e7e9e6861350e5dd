"""Checkpoints that a training resumes from with the same result."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.atomic import whole_directory
from mmzoo.checksums import check_files, write_sums

FORMAT = 1


class Checkpoint(keras.callbacks.Callback):
    """Saves everything a run needs after every epoch, and resumes at the next epoch when fit is called again.

    directory/epoch-0007/ holds weights, optimizer state, random state of the layers, of Python and of NumPy, and the history, with
    checksums; it is written beside its place and renamed into it, so a kill at any moment leaves the older ones whole. The last
    `keep` are kept. A damaged one is skipped with a warning and the one before it is used.

    The model must be built and compiled as before. With a dataset of mmzoo.data, the fit of mmzoo's models goes on with the batches
    that the interrupted run would have seen; for another keras.Model say so: `pairs.dataset(model, 64,
    first_epoch=checkpoint.next_epoch)`. Whatever else shuffles must itself be told the epoch.
    Raises ValueError where the saved state does not fit the model or its optimizer, or every checkpoint found is damaged: starting
    over in silence would lose the run.
    """

    def __init__(self, directory: str | Path, *, keep: int = 2) -> None:
        super().__init__()
        if keep < 1:
            raise ValueError(f"keep must be at least 1, received {keep}")
        self.directory = Path(directory)
        self.keep = keep
        self.history: dict[str, list[float]] = {}

    @property
    def next_epoch(self) -> int:
        """The epoch that training goes on with: the number of epochs in the newest whole checkpoint, 0 without one."""
        newest = self._newest_whole()
        return 0 if newest is None else _read_state(newest)["epoch"]

    def on_train_begin(self, logs: Any = None) -> None:
        self.history = {}
        newest = self._newest_whole()
        if newest is None:
            return
        state = _read_state(newest)
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        optimizer = type(self.model.optimizer).__name__
        if state["optimizer"] != optimizer:
            raise ValueError(f"{newest} must be of a run with the optimizer {optimizer}, received {state['optimizer']}")
        with np.load(newest / "variables.npz", allow_pickle=False) as saved:
            _assign(self._variables(), [saved[key] for key in sorted(saved.files)], newest)
        _restore_random(state["random"])
        self.history = state["history"]
        self.model.history.history = {name: list(values) for name, values in self.history.items()}
        # fit reads its first epoch from here, as for keras.callbacks.BackupAndRestore.
        self.model._initial_epoch = state["epoch"]

    def on_train_end(self, logs: Any = None) -> None:
        self.model._initial_epoch = None  # or the next fit, without a checkpoint, would begin there too

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        arrays = {f"{index:06d}": _to_numpy(variable) for index, variable in enumerate(self._variables())}
        state = {
            "format": FORMAT,
            "epoch": epoch + 1,
            "history": self.history,
            "random": _random_state(),
            "optimizer": type(self.model.optimizer).__name__,
        }
        with whole_directory(self.directory / f"epoch-{epoch + 1:04d}", replaces=Path.is_dir) as partial:
            np.savez(partial / "variables.npz", allow_pickle=False, **arrays)
            (partial / "state.json").write_text(json.dumps(state), encoding="utf-8")
            write_sums(partial)
        for old in self._found()[: -self.keep]:
            shutil.rmtree(old, ignore_errors=True)

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables]

    def _found(self) -> list[Path]:
        found = (path for path in self.directory.glob("epoch-*") if path.is_dir() and path.name[6:].isdecimal())
        return sorted(found, key=lambda path: int(path.name[6:]))

    def _newest_whole(self) -> Path | None:
        found = self._found()
        for path in reversed(found):
            problems, _ = check_files(path)
            if not problems:
                return path
            listed = ", ".join(f"{name} {problem}" for name, problem in sorted(problems.items()))
            warnings.warn(f"{path} is damaged and skipped: {listed}", UserWarning, stacklevel=2)
        if found:
            raise ValueError(f"{self.directory} must hold a whole checkpoint, and all {len(found)} found are damaged")
        return None


def _read_state(path: Path) -> dict[str, Any]:
    state = json.loads((path / "state.json").read_text(encoding="utf-8"))
    if state["format"] != FORMAT:
        raise ValueError(f"{path} must have checkpoint format {FORMAT}, received {state['format']}")
    return state


def _assign(variables: list[Any], arrays: list[np.ndarray], path: Path) -> None:
    """Puts the arrays into the variables after all shapes were compared, so a mismatch changes nothing."""
    if len(variables) != len(arrays):
        raise ValueError(f"{path} must have the model's {len(variables)} variables, received {len(arrays)}")
    for variable, array in zip(variables, arrays, strict=True):
        if tuple(variable.shape) != array.shape:
            raise ValueError(f"{path}: {variable.path} must have shape {tuple(variable.shape)}, received {array.shape}")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(keras.ops.cast(array, variable.dtype))


def _to_numpy(variable: Any) -> np.ndarray:
    """bfloat16 has no .npy form; float32 holds it exactly."""
    value = variable.value
    return keras.ops.convert_to_numpy(keras.ops.cast(value, "float32") if variable.dtype == "bfloat16" else value)


def _random_state() -> dict[str, Any]:
    version, internal, gauss = random.getstate()
    name, keys, *rest = np.random.get_state(legacy=True)
    return {"python": [version, list(internal), gauss], "numpy": [name, np.asarray(keys).tolist(), *rest]}


def _restore_random(state: dict[str, Any]) -> None:
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, np.array(keys, "uint32"), *rest))
