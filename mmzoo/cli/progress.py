"""Training progress: rates, loss and time left."""

from __future__ import annotations

import time
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class TrainingProgress(keras.callbacks.Callback):
    """A bar over all steps on a terminal; elsewhere a line an epoch, so that a log stays readable."""

    def __init__(self, console: Console, batch_size: int) -> None:
        super().__init__()
        self.console, self.batch_size = console, batch_size
        self.rate = 0.0
        self.bar: Progress | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self.seconds, self.images = 0.0, 0
        if not self.console.is_terminal:
            return
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  {task.fields[rate]:,.0f} images/s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        total = self.params["steps"] * self.params["epochs"] if self.params["steps"] else None
        fields = {"epoch": 0, "epochs": self.params["epochs"], "loss": float("nan"), "rate": 0.0}
        self.task = self.bar.add_task("training", total=total, **fields)
        self.bar.start()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = self.epoch_began = time.perf_counter()
        if self.bar:
            steps = self.params["steps"] or 0
            self.bar.update(self.task, completed=epoch * steps, epoch=epoch + 1)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        now = time.perf_counter()
        if batch:  # the first batch of a run compiles
            self.seconds += now - self.began
            self.images += self.batch_size
            self.rate = self.images / self.seconds
        self.began = now
        if self.bar:
            loss = float((logs or {}).get("loss", float("nan")))
            self.bar.update(self.task, advance=1, loss=loss, rate=self.rate)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        epochs = self.params["epochs"]
        seconds = time.perf_counter() - self.epoch_began
        figures = "  ".join(f"{name} {float(value):.3f}" for name, value in (logs or {}).items())
        left = seconds * (epochs - epoch - 1)
        line = f"epoch {epoch + 1}/{epochs}  {figures}  {self.rate:,.0f} images/s  {seconds:.0f} s, about {left:.0f} s left"
        self.console.print(line)

    def stop(self) -> None:
        """Gives the terminal back, however the training ended."""
        if self.bar:
            self.bar.stop()
