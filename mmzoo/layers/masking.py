"""What is hidden from a model, so that it learns to guess it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


def seed_of(layer: Any, training: bool | None, draw: int) -> Any:
    """What a layer's draw number `draw` is seeded by: in training its generator, else the same integer each time."""
    return layer.seed_generator if training else layer.seed + draw


@keras.saving.register_keras_serializable("mmzoo")
class TokenMasking(keras.layers.Layer):
    """Hides tokens that are then to be guessed (BERT's masked language model, arXiv:1810.04805, section 3.1 and appendix A.1).

    Of the tokens of a text that are not among special_ids, round(rate * their number) are drawn evenly, and at least one if there is
    any. Of those 80 % become mask_id, 10 % any token that is not special, and 10 % stay what they are.
    vocab_size: ids are below it. seed: in training each call draws others; without training every call draws the same.

    call(token_ids (B, T) int) -> {"token_ids" (B, T), what the model reads; "positions" (B, K) int, where something is to be guessed;
    "tokens" (B, K), what stood there; "counted" (B, K) bool}, K = max(1, round(rate * T)). A text with fewer than K hidden tokens fills
    its row with places that do not count.
    Raises ValueError for a rate that is not in (0, 1), ids outside of the vocabulary, or one of special tokens only.
    """

    def __init__(
        self,
        mask_id: int,
        vocab_size: int,
        *,
        special_ids: Sequence[int] = (),
        rate: float = 0.15,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 < rate < 1:
            raise ValueError(f"mask_rate must be above 0 and below 1, received {rate}")
        special = sorted({int(mask_id), *map(int, special_ids)})
        if not (special[0] >= 0 and special[-1] < vocab_size):
            raise ValueError(
                f"mask_id and special_ids must be from 0 to {vocab_size - 1}, the ids of the vocabulary, received {special}"
            )
        if len(special) >= vocab_size:
            raise ValueError(f"vocab_size must be above the {len(special)} special tokens, received {vocab_size}")
        self.mask_id, self.vocab_size, self.special_ids = int(mask_id), int(vocab_size), tuple(special)
        self.rate, self.seed = rate, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, token_ids: Any, training: bool | None = None) -> dict[str, Any]:
        token_ids = ops.cast(token_ids, "int32")
        length = token_ids.shape[1]
        most = max(1, round(self.rate * length))
        special = ops.convert_to_tensor(self.special_ids, "int32")
        free = ops.logical_not(ops.any(ops.equal(token_ids[:, :, None], special), axis=-1))
        wanted = ops.cast(ops.round(self.rate * ops.sum(ops.cast(free, "float32"), axis=1, keepdims=True)), "int32")
        wanted = ops.where(ops.any(free, axis=1, keepdims=True), ops.clip(wanted, 1, most), 0)
        scores = keras.random.uniform(ops.shape(token_ids), dtype="float32", seed=seed_of(self, training, 0))
        positions = ops.cast(ops.top_k(ops.where(free, scores, -1.0), most)[1], "int32")
        counted = ops.arange(most, dtype="int32")[None] < wanted
        tokens = ops.take_along_axis(token_ids, positions, axis=1)
        read = self._replacement(tokens, training)
        here = ops.equal(positions[:, :, None], ops.arange(length, dtype="int32"))
        here = ops.logical_and(here, counted[:, :, None])
        written = ops.sum(ops.where(here, read[:, :, None], 0), axis=1)
        return {
            "token_ids": ops.where(ops.any(here, axis=1), written, token_ids),
            "positions": positions,
            "tokens": tokens,
            "counted": counted,
        }

    def _replacement(self, tokens: Any, training: bool | None) -> Any:
        fate = keras.random.uniform(ops.shape(tokens), dtype="float32", seed=seed_of(self, training, 1))
        others = self.vocab_size - len(self.special_ids)
        other = keras.random.randint(ops.shape(tokens), 0, others, dtype="int32", seed=seed_of(self, training, 2))
        for index in self.special_ids:  # ascending: the draw steps over each
            other = other + ops.cast(other >= index, "int32")
        return ops.where(fate < 0.8, self.mask_id, ops.where(fate < 0.9, other, tokens))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "mask_id": self.mask_id,
            "vocab_size": self.vocab_size,
            "special_ids": self.special_ids,
            "rate": self.rate,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable("mmzoo")
class PatchMasking(keras.layers.Layer):
    """Which patches of each picture are hidden, drawn evenly, the same number of each (SimMIM, arXiv:2111.09886, section 3.2; MAE,
    arXiv:2111.06377, section 3).

    num_patches: N. rate: round(rate * N) are hidden, at least one and never all. seed: as of TokenMasking.
    call(images (B, ...)) -> (B, N) bool, True where hidden.
    Raises ValueError for a rate that is not in (0, 1), or fewer than two patches: something must stay to guess from.
    """

    def __init__(self, num_patches: int, *, rate: float = 0.6, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < rate < 1:
            raise ValueError(f"patch_mask_rate must be above 0 and below 1, received {rate}")
        if num_patches < 2:
            raise ValueError(f"pictures must have at least 2 patches to hide some, received {num_patches}")
        self.num_patches, self.rate, self.seed = num_patches, rate, seed
        self.hidden = min(max(round(rate * num_patches), 1), num_patches - 1)
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool | None = None) -> Any:
        shape = (ops.shape(images)[0], self.num_patches)
        scores = keras.random.uniform(shape, dtype="float32", seed=seed_of(self, training, 0))
        ranks = ops.argsort(ops.argsort(scores, axis=1), axis=1)
        return ranks < self.hidden

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"num_patches": self.num_patches, "rate": self.rate, "seed": self.seed}
