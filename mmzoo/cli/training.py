"""The train command's job."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.atomic import whole_file
from mmzoo.cli.evaluation import SHIPPED, evaluate, open_data, sample
from mmzoo.cli.output import Output
from mmzoo.cli.progress import TrainingProgress
from mmzoo.cli.runs import HISTORY, MODEL, TOKENIZER, TrainConfig, begin_run, check_run, load_clip, write_json
from mmzoo.data import BadPictures, Pairs
from mmzoo.metrics import Figure
from mmzoo.models import CLIP, build_clip
from mmzoo.plots import plot_gallery, plot_loss, plot_similarity
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.checkpoint import Checkpoint

MOST_MEASURED = 5000


def train_and_measure(config: TrainConfig, directory: Path, output: Output) -> list[Figure]:
    """Trains as configured, draws the plots, and measures the model on what was held out."""
    model, test = train(config, directory, output)
    test = sample(test, MOST_MEASURED, config.seed)
    draw(model, test, list(dict.fromkeys(row[0] for row in test.captions))[:10], directory)
    return evaluate(model, test)


def train(config: TrainConfig, directory: Path, output: Output) -> tuple[CLIP, Pairs]:
    """Trains as configured and leaves everything in the run directory; returns the model and the held-out pairs."""
    pairs, test = open_splits(config)
    check_run(directory, config, pairs, test)
    keras.utils.set_random_seed(config.seed)
    model, tokenizer = _model(config, directory, pairs)
    steps = len(pairs) // config.batch_size
    model.compile(make_optimizer(config, steps))
    begin_run(directory, config, pairs, test)
    tokenizer.save(directory / TOKENIZER)
    output.say(
        f"training {model.count_params():,} parameters on {len(pairs):,} pictures, {config.epochs} epochs of {steps} steps"
    )
    checkpoint = Checkpoint(directory / "checkpoints")
    done = checkpoint.next_epoch
    if done:
        output.say(f"going on after epoch {done} of {directory}")
    progress = TrainingProgress(output.console, config.batch_size)
    try:
        history = model.fit(
            pairs.dataset(model, config.batch_size, seed=config.seed, first_epoch=done),
            validation_data=test.dataset(model, config.batch_size, training=False),
            epochs=config.epochs,
            verbose=0,
            callbacks=[checkpoint, progress],
        ).history
    finally:
        progress.stop()
    with whole_file(directory / MODEL) as partial:
        model.save(partial)
    write_json(directory / HISTORY, history)
    plot_loss(history, directory / "loss.png")
    return model, test


def open_splits(config: TrainConfig) -> tuple[Pairs, Pairs]:
    """Training and held-out pairs of all the data named; folders are split by the seed.

    Raises ValueError where there is not one full batch.
    """
    splits = [
        (open_data(name, "train"), open_data(name, "test"))
        if name in SHIPPED
        else open_data(name, "train").split(config.held_out, config.seed)
        for name in config.data
    ]
    train, test = (reduce(Pairs.concat, parts) for parts in zip(*splits, strict=True))
    if len(train) < config.batch_size:
        raise ValueError(
            f"--batch-size must be at most the {len(train)} training pictures, received {config.batch_size}"
        )
    return train, test


def make_optimizer(config: TrainConfig, steps: int) -> keras.optimizers.Optimizer:
    """AdamW with a linear warm-up over a twentieth of the run and a cosine to nothing (arXiv:2103.00020, section 2.5)."""
    total = steps * config.epochs
    warm_up = max(total // 20, 1)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(total - warm_up, 1), warmup_target=config.learning_rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=config.weight_decay, beta_2=0.98, epsilon=1e-6, global_clipnorm=1.0
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "log_scale"])
    return optimizer


def draw(model: Any, pairs: Pairs, texts: Sequence[str], directory: Path) -> None:
    """similarity.png, each text's cosine with a picture of each text, and gallery.png, the pictures found for each text."""
    pairs = sample(pairs, 1000, seed=0)
    bad = BadPictures()
    images = pairs.arrays(model, bad_pictures=bad)["images"]
    pairs = pairs.subset(np.setdiff1d(np.arange(len(pairs)), bad.indices))
    cosines = model.similarity(images, texts)
    own = [next((i for i, row in enumerate(pairs.captions) if text in row), None) for text in texts]
    shown = [index for index in own if index is not None]
    if shown:
        plot_similarity(cosines[shown], images[shown], texts, directory / "similarity.png")
    best = np.argsort(-cosines, axis=0)[:8].T
    plot_gallery(texts, [images[row] for row in best], directory / "gallery.png")


def _model(config: TrainConfig, directory: Path, pairs: Pairs) -> tuple[CLIP, Tokenizer]:
    """The one to go on with, or a new one of the preset's sizes."""
    if config.model is not None:
        return load_clip(config.model)
    tokenizer = _tokenizer(config, directory, pairs)
    return build_clip(config.preset, tokenizer=tokenizer, loss=config.loss), tokenizer


def _tokenizer(config: TrainConfig, directory: Path, pairs: Pairs) -> Tokenizer:
    """The run's own where it has begun, else the one named, else one trained on the captions."""
    if (directory / TOKENIZER).is_file():
        return Tokenizer.from_file(directory / TOKENIZER)
    if config.tokenizer:
        return Tokenizer.from_file(config.tokenizer)
    return Tokenizer.train(pairs.all_captions(), config.vocab_size)
