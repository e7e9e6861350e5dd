"""What the pipeline needs to know: of the data it reads, and of the model it feeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, eq=False)
class Chosen:
    """What a batch is made of: numbers of pictures (B,), the pictures (B, H, W, 3) uint8 at the model's size, and a text of each.

    rng: for what a source draws besides; the same for the same batch of the same epoch.
    """

    indices: np.ndarray
    images: np.ndarray
    texts: Sequence[str]
    rng: np.random.Generator


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

    def batch(self, model: ImageTextModel, chosen: Chosen, /) -> Batch:
        """What the model is given for what was chosen, with what belongs to its numbers."""


def token_ids(texts: Sequence[str], tokenizer: CaptionTokenizer | None, length: int) -> np.ndarray:
    """(B, length) int32 of B texts. Raises ValueError for None, of a model that has no tokenizer."""
    if tokenizer is None:
        raise ValueError("model must have a tokenizer (build_clip(..., tokenizer=...)), received one without")
    return np.asarray(tokenizer(list(texts), length), np.int32).reshape(len(texts), length)
