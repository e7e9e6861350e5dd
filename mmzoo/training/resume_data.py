"""Lets the data of a resumed run go on where its weights do."""

from __future__ import annotations

from typing import Any

import keras


class ResumeData(keras.callbacks.Callback):
    """Moves a dataset of mmzoo.data to the epoch that a checkpoint's callback has made the first; after those callbacks in the list."""

    def __init__(self, dataset: Any) -> None:
        super().__init__()
        self.dataset = dataset

    def on_train_begin(self, logs: Any = None) -> None:
        epoch = getattr(self.model, "_initial_epoch", None)
        if epoch and hasattr(self.dataset, "seek_epoch"):
            self.dataset.seek_epoch(epoch)
