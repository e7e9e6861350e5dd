"""A budget of computing: what is trained beside something else on the machine gets as much as alone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from sections import progress

CORES = 2
WARM_UP = 0.05


def warm_cosine(done: float) -> float:
    """The share of the peak rate that is due when this share of the budget is used: a short warm-up, then half a cosine to nothing."""
    return min(1.0, done / WARM_UP + 0.01, 0.5 * (1 + math.cos(math.pi * done)))


def Budget(
    seconds: float, peak_rate: float, *, schedule: Callable[[float], float] = warm_cosine, told_as: str | None = None
) -> Any:
    """A callback that stops after so many seconds of two cores' work, CPU seconds / 2, with a learning rate that runs its schedule by then.

    The first steps, in which the graph is made, are not counted. told_as: prints the logs ten times, under this name. took(): the
    seconds of two cores, the seconds of clock and the steps.
    """
    import keras

    class _Budget(keras.callbacks.Callback):
        used, steps, wall, told = 0.0, 0, 0.0, 0
        began, began_wall = 0.0, 0.0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if self.steps < 2:
                self.began, self.began_wall = time.process_time(), time.perf_counter()
            self.used = (time.process_time() - self.began) / CORES
            self.wall = time.perf_counter() - self.began_wall
            self.model.optimizer.learning_rate = peak_rate * schedule(min(self.used / seconds, 1.0))

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.steps += 1
            if told_as is not None and self.used * 10 > self.told * seconds:
                self.told += 1
                figures = ", ".join(f"{name} {float(value):.3f}" for name, value in (logs or {}).items())
                progress(f"{told_as}: {self.used:.0f} s, step {self.steps}: {figures}")
            if self.used >= seconds:
                self.model.stop_training = True

        def took(self) -> dict[str, float]:
            return {"seconds": self.used, "wall_seconds": self.wall, "steps": self.steps}

    return _Budget()
