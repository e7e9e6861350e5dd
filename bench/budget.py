"""A budget of computing: what is trained beside something else on the machine gets as much as alone."""

from __future__ import annotations

import math
import time
from typing import Any

CORES = 2
WARM_UP = 0.05


def Budget(seconds: float, peak_rate: float) -> Any:
    """A callback that stops after so many seconds of two cores' work, CPU seconds / 2, with a learning rate that warms up and falls
    to nothing by then. The first steps, in which the graph is made, are not counted. used: the seconds; steps; wall: seconds of clock."""
    import keras

    class _Budget(keras.callbacks.Callback):
        used, steps, wall = 0.0, 0, 0.0
        began, began_wall = 0.0, 0.0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if self.steps < 2:
                self.began, self.began_wall = time.process_time(), time.perf_counter()
            self.used = (time.process_time() - self.began) / CORES
            done = min(self.used / seconds, 1.0)
            warm = min(1.0, done / WARM_UP + 0.01)
            self.model.optimizer.learning_rate = peak_rate * min(warm, 0.5 * (1 + math.cos(math.pi * done)))

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.steps += 1
            if self.used >= seconds:
                self.wall = time.perf_counter() - self.began_wall
                self.model.stop_training = True

    return _Budget()
