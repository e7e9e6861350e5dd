"""keras.applications' ResNet50 and KerasHub's BERT as one CLIP: trained on the digits, exported to three formats.

The peer is logistic regression on the pixels of the same training pictures.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from report import Row
from sections import Measured

EPOCHS, BATCH = 14, 64


def measure(arguments: argparse.Namespace) -> Measured:
    """The full form trains 14 epochs; the short one exports what two have made, and has no accuracy."""
    import keras
    import keras_hub

    import mmzoo
    from mmzoo import data
    from mmzoo.metrics import label_embeddings, zero_shot_accuracy

    keras.utils.set_random_seed(arguments.seed + 1)
    train, test = data.digits("train"), data.digits("test")
    tokenizer = mmzoo.Tokenizer.train(train.all_captions(), 400, kind="wordpiece", lower_case=True)
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=tokenizer.vocab_size,
        num_layers=2,
        num_heads=2,
        hidden_dim=128,
        intermediate_dim=512,
        max_sequence_length=64,
    )
    resnet50 = mmzoo.build_application("resnet50", image_size=32)
    bert = mmzoo.build_hub(backbone, context_length=16, tokenizer=tokenizer)
    model = mmzoo.build_clip(image_encoder=resnet50, text_encoder=bert, embed_dim=128)
    epochs, steps = (EPOCHS if arguments.full else 2), len(train) // BATCH
    rate = keras.optimizers.schedules.CosineDecay(0.0, (epochs - 1) * steps, warmup_target=7e-4, warmup_steps=steps)
    model.compile(keras.optimizers.AdamW(rate, global_clipnorm=1.0), jit_compile=False)
    started = time.perf_counter()
    losses = model.fit(train.dataset(model, batch_size=BATCH), epochs=epochs, verbose=2).history["loss"]
    seconds = time.perf_counter() - started
    samples = {name: array[:64] for name, array in test.arrays(model).items()}
    with tempfile.TemporaryDirectory() as directory:
        manifest = mmzoo.export(model, Path(directory, "pair"), samples=samples)
    rows = [
        Row("pair_formats", len({artifact.format for artifact in manifest.artifacts})),
        Row("pair_largest_difference", max(artifact.max_abs_diff or 0.0 for artifact in manifest.artifacts)),
        Row("pair_loss", losses[-1], losses[0], "first epoch", "nats"),
    ]
    if arguments.full:
        classes = label_embeddings(model.encode_text, test.label_names, test.templates)
        report = zero_shot_accuracy(model.encode_image(test.arrays(model)["images"]), classes, test.labels)
        rows += [
            Row("pair_digits_zero_shot_top1", report.figures[0].value, *_logistic_regression(train, test)),
            Row("pair_training_seconds", seconds, unit="s"),
        ]
    return rows, {"losses": losses}


def _logistic_regression(train: Any, test: Any) -> tuple[float, str]:
    from sklearn.linear_model import LogisticRegression

    flat = [pairs.images.reshape(len(pairs), -1) / 255 for pairs in (train, test)]
    peer = LogisticRegression(max_iter=1000).fit(flat[0], train.labels)
    return float(peer.score(flat[1], test.labels)), "logistic regression on pixels"
