"""Stops a training of pictures that has gone wrong, with what was good kept."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from mmzoo.training.sample_grid import checked_captions


class StopOnCollapse(keras.callbacks.Callback):
    """Ends fit where a loss is no number, or where pictures of one caption have become alike, with the last good weights put back.

    After every epoch it draws `samples` pictures of each caption; diversity is the mean difference of two of one caption, in levels
    of 255, and in the logs. Once it has been at least `least`, at the start of fit or after an epoch, an epoch below that is a collapse; a
    generator that has not begun to draw is none. What was good last, at first what fit began with, is kept in memory: weights and
    optimizer state. Put it before a Checkpoint in the list, which then saves what was put back. reason: why it stopped, or None.
    The model has generate(captions, *, seed) -> (N, H, W, 3) uint8.
    Raises ValueError for no captions, fewer than two samples, or a least that is not above 0.
    """

    def __init__(self, captions: Sequence[str], *, least: float = 2.0, samples: int = 4, seed: int = 0) -> None:
        super().__init__()
        if samples < 2 or not least > 0:
            raise ValueError(f"samples must be at least 2 and least above 0, received {samples} and {least}")
        self.captions, self.least, self.samples, self.seed = checked_captions(captions), least, samples, seed
        self.reason: str | None = None
        self._good: list[np.ndarray] | None = None
        self._has_drawn = False

    def on_train_begin(self, logs: Any = None) -> None:
        self.reason, self._good, self._has_drawn = None, None, False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._good is None:  # not on_train_begin: a Checkpoint behind this one resumes there
            self._look()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        for name, value in (logs or {}).items():
            if not math.isfinite(float(value)):
                # The weights are put back where the epoch ends: on JAX they are not there yet.
                self.reason, self.model.stop_training = f"{name} became {float(value)}", True
                return

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.reason is None:
            diversity = self._look()
            if logs is not None:
                logs["diversity"] = diversity
            if not self._has_drawn or diversity >= self.least:
                return
            self.reason = f"pictures of one caption differ by {diversity:.2f} levels, at least {self.least:g} are asked"
            self.model.stop_training = True
        message = f"training stopped in epoch {epoch + 1}: {self.reason}; the last good weights are kept"
        warnings.warn(message, UserWarning, stacklevel=2)
        for variable, value in zip(self._variables(), self._good or (), strict=False):
            variable.assign(value)

    def _look(self) -> float:
        """Measures the diversity, and keeps what is good."""
        diversity = self._diversity()
        self._has_drawn |= diversity >= self.least
        if not self._has_drawn or diversity >= self.least:
            self._good = [np.array(keras.ops.convert_to_numpy(each.value)) for each in self._variables()]
        return diversity

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables]

    def _diversity(self) -> float:
        asked = [caption for caption in self.captions for _ in range(self.samples)]
        drawn = np.asarray(self.model.generate(asked, seed=self.seed), np.float32)
        drawn = drawn.reshape(len(self.captions), self.samples, -1)
        first, second = np.triu_indices(self.samples, 1)
        return float(np.abs(drawn[:, first] - drawn[:, second]).mean())
