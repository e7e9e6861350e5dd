"""What a text-to-image model draws of the same captions from the same noise, epoch after epoch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from mmzoo.atomic import whole_file

_GAP = 2  # pixels between pictures
_BLOB_SEQUENCE = 3  # DATA_CLASS_BLOB_SEQUENCE of TensorBoard's summary.proto


class SampleGrid(keras.callbacks.Callback):
    """Writes directory/epoch-0007.png every `frequency` epochs: a row a caption, per_caption pictures of it.

    The model has generate(captions, *, seed) -> (N, H, W, 3) uint8, which draws the same noise for the same seed, so that the files
    differ by what was learnt alone. A file is there whole or not at all. tensorboard: also writes it as the image "samples" of event
    files in the same directory, which TensorBoard shows; it need not be installed, TensorFlow must be.
    Raises ValueError for no captions, per_caption or frequency below 1; ImportError for tensorboard without TensorFlow.
    """

    def __init__(
        self,
        captions: Sequence[str],
        directory: str | Path,
        *,
        per_caption: int = 4,
        seed: int = 0,
        frequency: int = 1,
        tensorboard: bool = False,
    ) -> None:
        super().__init__()
        if per_caption < 1 or frequency < 1:
            raise ValueError(f"per_caption and frequency must be at least 1, received {per_caption} and {frequency}")
        self.captions, self.directory = checked_captions(captions), Path(directory)
        self.per_caption, self.seed, self.frequency = per_caption, seed, frequency
        self._events = _event_writer(self.directory) if tensorboard else None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if (epoch + 1) % self.frequency:
            return
        asked = [caption for caption in self.captions for _ in range(self.per_caption)]
        grid = picture_grid(self.model.generate(asked, seed=self.seed), self.per_caption)
        png = io.BytesIO()
        Image.fromarray(grid).save(png, "PNG")
        self.directory.mkdir(parents=True, exist_ok=True)
        with whole_file(self.directory / f"epoch-{epoch + 1:04d}.png") as partial:
            partial.write_bytes(png.getvalue())
        if self._events is not None:
            _write_event(self._events, png.getvalue(), grid.shape, epoch + 1)


def checked_captions(captions: Sequence[str]) -> list[str]:
    """The captions that a callback draws. Raises ValueError for none, or one string, which would be a caption a letter."""
    if isinstance(captions, str) or not len(captions):
        raise ValueError(f"captions must be one string or more in a list, received {captions!r}")
    return list(captions)


def picture_grid(pictures: np.ndarray, columns: int) -> np.ndarray:
    """Pictures (N, H, W, 3) uint8, row by row, as one with white between them.

    Raises ValueError for another shape or dtype, or no columns.
    """
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or pictures.shape[-1] != 3 or pictures.dtype != np.uint8 or not len(pictures) or columns < 1:
        raise ValueError(
            "pictures must be (N, H, W, 3) uint8 in at least 1 column, received "
            f"{pictures.shape} {pictures.dtype} in {columns}"
        )
    rows, (height, width) = -(-len(pictures) // columns), pictures.shape[1:3]
    grid = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), 255, np.uint8)
    for place, picture in enumerate(pictures):
        top, left = place // columns * (height + _GAP), place % columns * (width + _GAP)
        grid[top : top + height, left : left + width] = picture
    return grid


def _event_writer(directory: Path) -> Any:
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            "tensorboard must be False where TensorFlow, which writes its files, is not installed"
        ) from error
    return tf.summary.create_file_writer(str(directory))


def _write_event(writer: Any, png: bytes, shape: tuple[int, ...], step: int) -> None:
    """What tf.summary.image writes, which needs TensorBoard installed only to say so."""
    import tensorflow as tf

    metadata = tf.compat.v1.SummaryMetadata(
        plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="images"),
        data_class=_BLOB_SEQUENCE,
    )
    with writer.as_default():
        tf.summary.write("samples", [str(shape[1]), str(shape[0]), png], step=step, metadata=metadata)
    writer.flush()
