"""What makes features of pictures, under the name that its figures are reported by."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

INCEPTION_2015 = "Inception 2015-12-05"
"""The extractor's name with which a Fréchet distance is called FID: TensorFlow's network of that day, and no other."""


@dataclass(frozen=True)
class FeatureExtractor:
    """A function of pictures (B, H, W, 3) in [0, 255] that gives features (B, D), and its name in reports.

    Name the weights, not the architecture alone: "CLIP ViT-B/32 (laion2b)". Called with N pictures it gives (N, D) float32, batch_size
    pictures at a time.
    """

    name: str
    extract: Callable[[np.ndarray], Any]
    batch_size: int = 64

    def __post_init__(self) -> None:
        if not self.name or operator.index(self.batch_size) < 1:
            raise ValueError(
                f"name must say something and batch_size be at least 1, received {self.name!r} and {self.batch_size}"
            )

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """images (N, H, W, 3) in [0, 255] -> (N, D) float32. Raises ValueError for other shapes of pictures or features."""
        images = np.asarray(images)
        if images.ndim != 4 or images.shape[-1] != 3 or not len(images):
            raise ValueError(f"images must have shape (N, H, W, 3), received {images.shape}")
        starts = range(0, len(images), self.batch_size)
        parts = [np.asarray(self.extract(images[start : start + self.batch_size]), np.float32) for start in starts]
        if any(part.ndim != 2 for part in parts) or sum(map(len, parts)) != len(images):
            raise ValueError(f"extract must give (B, D), a row a picture, received {parts[0].shape} of {self.name}")
        return np.concatenate(parts)


def encoder_features(encoder: keras.Model, name: str, *, batch_size: int = 64) -> FeatureExtractor:
    """The pooled output of an image encoder, or the embeddings of a CLIP's image_tower, as features.

    encoder: takes images (B, H, W, 3) in [0, 255] and gives {"pooled"} or {"image_embeds"}, (B, D): build_vit(...), clip.image_tower,
    build_application("inception_v3", weights=FILE), whose name is "InceptionV3 (Keras)". Pictures of another size are scaled to its
    own, without a crop: bilinear, with antialias where they become smaller.
    Raises ValueError for a model with neither output.
    """
    import keras

    given = getattr(encoder, "output", None)
    given = given if isinstance(given, dict) else {}
    output = next((name for name in ("pooled", "image_embeds") if name in given), None)
    if output is None:
        raise ValueError(
            f"encoder must give pooled or image_embeds, received outputs {sorted(given) or 'without names'}"
        )
    size = tuple(encoder.input["images"].shape[1:3])

    def extract(images: np.ndarray) -> np.ndarray:
        pictures = keras.ops.convert_to_tensor(images, "float32")
        if images.shape[1:3] != size:
            pictures = keras.ops.image.resize(pictures, size, "bilinear", antialias=True)
        return keras.ops.convert_to_numpy(encoder({"images": pictures}, training=False)[output])

    return FeatureExtractor(name, extract, batch_size)
