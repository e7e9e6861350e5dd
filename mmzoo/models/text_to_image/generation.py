"""From captions to what a generator reads, and from many pictures to the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

if TYPE_CHECKING:
    from mmzoo.models.clip import CLIP


LEAST_TRUNCATION = 0.01


def caption_ids(model: Any, captions: Sequence[str] | np.ndarray) -> np.ndarray:
    """Token ids (N, T) int32 of captions, or of what are token ids already.

    Raises ValueError for strings where the model has no tokenizer, one string alone, or token ids of another length.
    """
    if isinstance(captions, np.ndarray) and np.issubdtype(captions.dtype, np.integer):
        if captions.ndim != 2 or captions.shape[1] != model.context_length:
            raise ValueError(f"token ids must have shape (N, {model.context_length}), received {captions.shape}")
        return captions.astype(np.int32)
    if isinstance(captions, str):
        raise ValueError(f"captions must be a list of strings, received {captions!r}")
    if model.tokenizer is None:
        raise ValueError(
            "captions must be token ids where the model has no tokenizer: tokenizer= of build_text_to_image gives it one"
        )
    return np.asarray(model.tokenizer(list(captions), model.context_length), np.int32)


def drawn_noise(count: int, size: int, seed: int, truncation: float | None) -> np.ndarray:
    """Normal numbers (count, size) float32; those beyond truncation are drawn again. Row i depends on seed and i alone.

    Raises ValueError for a truncation below 0.01: what is left to draw from would take for ever to find.
    """
    if truncation is not None and not truncation >= LEAST_TRUNCATION:
        raise ValueError(f"truncation must be at least {LEAST_TRUNCATION}, received {truncation}")
    rows = [_row(np.random.default_rng((seed, index)), size, truncation) for index in range(count)]
    return np.array(rows, np.float32).reshape(count, size)


def best_of(pictures: np.ndarray, captions: Sequence[str], judge: CLIP) -> np.ndarray:
    """Of the K pictures in a row that each of N captions has, the one that a CLIP finds most like it: (N K, ...) -> (N, ...)."""
    scores = _cosines(judge, pictures, captions)
    return pictures.reshape(len(captions), -1, *pictures.shape[1:])[np.arange(len(captions)), scores.argmax(1)]


def _cosines(judge: CLIP, pictures: np.ndarray, captions: Sequence[str]) -> np.ndarray:
    if tuple(pictures.shape[1:3]) != judge.image_size:
        sized = ops.image.resize(pictures.astype("float32"), judge.image_size, antialias=True)
        pictures = ops.convert_to_numpy(sized)
    texts = judge.encode_text(list(captions))
    embeds = judge.encode_image(pictures).reshape(len(texts), -1, texts.shape[1])
    return np.einsum("nke,ne->nk", embeds, texts)


def _row(rng: np.random.Generator, size: int, truncation: float | None) -> np.ndarray:
    row = rng.standard_normal(size)
    while truncation is not None and (far := np.abs(row) > truncation).any():
        row[far] = rng.standard_normal(int(far.sum()))
    return row
