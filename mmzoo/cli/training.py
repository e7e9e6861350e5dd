"""The train command's job."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.atomic import whole_file
from mmzoo.cli.evaluation import evaluate, open_data
from mmzoo.cli.output import Output
from mmzoo.cli.progress import TrainingProgress
from mmzoo.cli.runs import HISTORY, MODEL, TrainConfig, open_run, write_json
from mmzoo.data.pairs import Pairs
from mmzoo.metrics import Figure
from mmzoo.models import CLIP, build_clip
from mmzoo.plots import plot_gallery, plot_loss, plot_similarity
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.checkpoint import Checkpoint

SHIPPED = ("digits", "shapes")


def run_training(config: TrainConfig, directory: Path, output: Output) -> tuple[CLIP, list[Figure]]:
    """Trains as configured, leaves everything in the run directory, and measures the result on what was held out."""
    train, test = open_splits(config)
    keras.utils.set_random_seed(config.seed)
    captions = train.all_captions()
    tokenizer = (
        Tokenizer.from_file(config.tokenizer) if config.tokenizer else Tokenizer.train(captions, config.vocab_size)
    )
    model = build_clip(config.preset, tokenizer=tokenizer, loss=config.loss)
    open_run(directory, config)
    steps = len(train) // config.batch_size
    model.compile(make_optimizer(config, steps))
    output.say(
        f"training {model.count_params():,} parameters on {len(train):,} pictures, {config.epochs} epochs of {steps} steps"
    )
    checkpoint = Checkpoint(directory / "checkpoints")
    if checkpoint.next_epoch:
        output.say(f"going on after epoch {checkpoint.next_epoch} of {directory}")
    history = model.fit(
        train.dataset(model, config.batch_size, seed=config.seed, first_epoch=checkpoint.next_epoch),
        validation_data=test.dataset(model, config.batch_size, training=False),
        epochs=config.epochs,
        verbose=0,
        callbacks=[checkpoint, TrainingProgress(output.console, config.batch_size)],
    ).history
    with whole_file(directory / MODEL) as partial:
        model.save(partial)
    write_json(directory / HISTORY, history)
    plot_loss(history, directory / "loss.png")
    draw(model, test, directory)
    return model, evaluate(model, test)


def open_splits(config: TrainConfig) -> tuple[Pairs, Pairs]:
    """Training and test pairs of all the data named; folders are split by the seed."""
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
    total = max(steps * config.epochs, 1)
    warm_up = max(total // 20, 1)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, total - warm_up, warmup_target=config.learning_rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=config.weight_decay, beta_2=0.98, epsilon=1e-6, global_clipnorm=1.0
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "log_scale"])
    return optimizer


def draw(model: Any, pairs: Pairs, directory: Path, *, queries: list[str] | None = None) -> None:
    """similarity.png and gallery.png: captions against pictures the model was not trained on."""
    pairs = pairs.subset(np.random.default_rng(0).permutation(len(pairs))[:1000])
    images = pairs.arrays(model)["images"]
    texts = queries or list(dict.fromkeys(row[0] for row in pairs.captions))[:10]
    cosines = model.similarity(images, texts)
    own = [int(cosines[:, column].argmax()) for column in range(len(texts))]
    plot_similarity(cosines[own], images[own], texts, directory / "similarity.png")
    best = np.argsort(-cosines, axis=0)[:8].T
    plot_gallery(texts, [images[row] for row in best], directory / "gallery.png")
