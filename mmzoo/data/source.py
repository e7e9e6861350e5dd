"""What the pipeline needs to know: of the data it reads, and of the model it feeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

from mmzoo.data.augmentation import Augment
from mmzoo.data.images import Images
from mmzoo.presets import ImagePreprocessing

Batch = TypeVar("Batch", covariant=True)


class CaptionTokenizer(Protocol):
    """Captions to token ids (B, length) int32."""

    def __call__(self, texts: Sequence[str], length: int, /) -> np.ndarray: ...


class ImageTextModel(Protocol):
    """What a pipeline needs to know of the model it feeds."""

    @property
    def tokenizer(self) -> CaptionTokenizer | None: ...

    @property
    def image_preprocessing(self) -> ImagePreprocessing: ...

    @property
    def context_length(self) -> int: ...


class Source(Protocol[Batch]):
    """N pictures with their texts, and whatever else belongs to each, by its number."""

    @property
    def images(self) -> Images: ...

    @property
    def augment(self) -> Augment | None: ...

    def __len__(self) -> int: ...

    def image_at(self, index: int, /) -> np.ndarray:
        """(H, W, 3) uint8. Raises: UnreadableImage."""

    def texts_at(self, index: int, /) -> Sequence[str]:
        """The texts that training draws one of; evaluation takes the first."""

    def check_model(self, model: ImageTextModel, /) -> None:
        """Raises: ValueError if the model has no place for something that this data has."""

    def batch(self, model: ImageTextModel, indices: np.ndarray, images: np.ndarray, token_ids: np.ndarray, /) -> Batch:
        """What the model is given for these pictures and texts, with what belongs to their numbers `indices` (B,)."""
