"""The parts that every cell of the table shares: small towers, one training, one way to judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from budget import Budget

from mmzoo.presets import ImagePreprocessing

if TYPE_CHECKING:
    from mmzoo import Tokenizer
    from mmzoo.data import Examples

PREPROCESSING = ImagePreprocessing((32, 32))
Arrays = tuple[dict[str, Any], Any]
WIDTH, HEADS, BATCH = 64, 4, 64
VOCABULARY = 2048


@dataclass(frozen=True)
class Sizes:
    """What makes arrays of examples, as a model has it."""

    tokenizer: Tokenizer
    context_length: int
    image_preprocessing: ImagePreprocessing = PREPROCESSING


def tokenizer_of(training: Examples, *others: Examples) -> tuple[Tokenizer, int]:
    """A tokenizer of the training texts, and the length of the longest text of all in its tokens."""
    from mmzoo import Tokenizer

    tokenizer = Tokenizer.train(training.texts, VOCABULARY)
    rows = tokenizer([text for examples in (training, *others) for text in examples.texts], 64)
    return tokenizer, int((rows != tokenizer.pad_id).sum(1).max())


def augmented(examples: Examples, sizes: Sizes, seed: int) -> Arrays:
    """Every example once, its picture turned, cropped or mirrored as its source allows, as (inputs, targets)."""
    import numpy as np

    from mmzoo import data

    batches = list(data.batches(examples, sizes, BATCH, seed=seed))
    inputs = {name: np.concatenate([x[name] for x, _ in batches]) for name in batches[0][0]}
    return inputs, np.concatenate([y for _, y in batches])


def image_tower(widths: Sequence[int]) -> Any:
    from mmzoo import build_convnet

    return build_convnet(image_size=32, widths=widths, blocks=1)


def text_tower(tokenizer: Any, context_length: int, depth: int = 1) -> Any:
    from mmzoo import build_text_transformer

    return build_text_transformer(
        vocab_size=tokenizer.vocab_size,
        context_length=context_length,
        width=WIDTH,
        depth=depth,
        num_heads=HEADS,
        activation="gelu_tanh",
        causal=False,
        pooling="mean",
        mask_rule="pad_id",
        pad_id=tokenizer.pad_id,
    )


def train(
    model: Any, lessons: Sequence[tuple[Arrays, float]], peak_rate: float, loss: str | None = None
) -> dict[str, float]:
    """Trains on each of the arrays for its seconds of two cores; returns what that took."""
    import keras

    model.compile(keras.optimizers.AdamW(peak_rate, weight_decay=0.01), loss)
    budgets = []
    for arrays, seconds in lessons:
        budgets.append(Budget(seconds, peak_rate))
        model.fit(*arrays, batch_size=BATCH, epochs=10_000, verbose=0, callbacks=budgets[-1:])
    return {
        "seconds": sum(budget.used for budget in budgets),
        "wall_seconds": sum(budget.wall for budget in budgets),
        "steps": sum(budget.steps for budget in budgets),
    }


def judge(model: Any, arrays: Arrays, seed: int) -> dict[str, float]:
    """Accuracy, chance, and accuracy with either modality shuffled among the examples, the mean of three shuffles."""
    from mmzoo.metrics import modality_ablation

    report = modality_ablation(model, arrays, batch_size=256, seed=seed).to_dict()
    return {
        "accuracy": report["accuracy"],
        "chance": report["accuracy_chance"],
        "images_shuffled": report["images_shuffled"],
        "texts_shuffled": report["texts_shuffled"],
    }


def described(cell: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in cell.items())
