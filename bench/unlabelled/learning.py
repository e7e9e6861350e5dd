"""What the sections share: pictures with captions, a pre-training for so many seconds, and the trunk that two sections start from."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from budget import Budget
from fusing.recipe import HEADS, VOCABULARY, WIDTH, image_tower, text_tower
from sections import progress
from unlabelled.neighbours import batches

PICTURES, SEEN_BY_TRUNK = 20_000, 420.0
"""Pictures to learn from; seconds of two cores that the trunk is pre-trained for."""
BATCH, GROUP, EMBED_DIM = 64, 4, 64
PEAK_RATE = 2e-3
WIDTHS = (16, 32, 64)
QUESTIONS = ("colour", "shape", "size", "count")


@dataclass(frozen=True)
class Captioned:
    """Pictures, and the token ids of their captions: (N, H, W, 3) uint8, (N, wordings, T) int32; the first wording as text too."""

    images: Any
    token_ids: Any
    captions: tuple[str, ...]
    tokenizer: Any

    @property
    def context_length(self) -> int:
        return int(self.token_ids.shape[2])

    def first(self, count: int) -> dict[str, Any]:
        """Inputs: the first so many pictures, each with its first caption."""
        return {"images": self.images[:count], "token_ids": self.token_ids[:count, 0]}


def captioned(split: str, count: int, seed: int, like: Captioned | None = None) -> Captioned:
    """Scenes of one or two objects in four English wordings; like: whose tokenizer and length to use.

    The tokenizer learns its words from the captions and from the questions that are asked later, so that both fit one text tower.
    """
    from mmzoo import Tokenizer, data

    pairs = data.shapes(count, split, seed=seed, objects=(1, 2), languages=("en",))
    texts = [text for wordings in pairs.captions for text in wordings]
    if like is None:
        asked = data.shape_questions("train", 1_000, kinds=QUESTIONS, objects=(1, 2), seed=seed).texts
        tokenizer = Tokenizer.train([*texts, *asked], VOCABULARY)
        length = int((tokenizer([*texts, *asked], 64) != tokenizer.pad_id).sum(1).max())
    else:
        tokenizer, length = like.tokenizer, like.context_length
    token_ids = tokenizer(texts, length).reshape(count, len(pairs.captions[0]), -1)
    return Captioned(pairs.images, token_ids, tuple(wordings[0] for wordings in pairs.captions), tokenizer)


def pretrainer(image_encoder: Any, given: Captioned, objectives: Sequence[str], seed: int) -> Any:
    """One pre-trainer of the sizes of bench/fusion.py, the fusion one block deep."""
    from mmzoo import build_pretrainer
    from mmzoo.fusion import CrossAttentionFusion

    return build_pretrainer(
        image_encoder,
        text_tower(given.tokenizer, given.context_length),
        objectives,
        fusion=CrossAttentionFusion(WIDTH, num_heads=HEADS, depth=1, name="fusion"),
        embed_dim=EMBED_DIM,
        tokenizer=given.tokenizer,
        seed=seed,
    )


def pretrain(model: Any, given: Captioned, seconds: float, seed: int) -> dict[str, float]:
    """Trains for that many seconds of two cores on batches of neighbours; returns what it took."""
    import keras
    import tensorflow as tf

    signature = {
        "images": tf.TensorSpec((None, *given.images.shape[1:]), tf.uint8),
        "token_ids": tf.TensorSpec((None, given.context_length), tf.int32),
    }
    dataset = tf.data.Dataset.from_generator(
        lambda: batches(given.images, given.token_ids, given.captions, BATCH, GROUP, seed), output_signature=signature
    )
    budget = Budget(seconds, PEAK_RATE)
    model.compile(keras.optimizers.AdamW(PEAK_RATE, weight_decay=0.01))
    model.fit(dataset.prefetch(2), epochs=1, steps_per_epoch=1_000_000, verbose=0, callbacks=[budget])
    return budget.took()


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="pretraining-")


@functools.cache
def _trained(seed: int) -> tuple[Path, dict[str, float]]:
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    given = captioned("train", PICTURES, seed)
    model = pretrainer(image_tower(WIDTHS), given, ("itc", "itm", "mlm"), seed)
    took = pretrain(model, given, SEEN_BY_TRUNK, seed) | {"parameters": model.count_params()}
    path = Path(_folder().name) / f"trunk-{seed}.keras"
    model.save(path)
    progress(f"trunk pre-trained in {took['steps']:.0f} steps, {took['seconds']:.0f} s of two cores")
    return path, took


def pretrained_trunk(seed: int) -> tuple[Any, dict[str, float]]:
    """A pre-trainer by itc, itm and mlm, made once in a run for all sections and read from its file by each, and what it took."""
    import keras

    path, took = _trained(seed)
    keras.backend.clear_session()
    return keras.saving.load_model(path), took
