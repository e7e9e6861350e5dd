"""Each objective's loss on pictures that training never showed, before and after one pre-training by all four."""

from __future__ import annotations

import argparse
from typing import Any

from fusing.recipe import HEADS, WIDTH
from report import Row
from sections import Measured, progress
from unlabelled.learning import captioned, pretrain, pretrainer

PICTURES, TESTED, SECONDS = 8_000, 1_024, 180.0
PATCH, DEPTH = 4, 3


def measure(arguments: argparse.Namespace) -> Measured:
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(arguments.seed)
    given = captioned("train", PICTURES, arguments.seed)
    tested = captioned("test", TESTED, arguments.seed, given).first(TESTED)
    model = pretrainer(_vit(), given, ("itc", "itm", "mlm", "mim"), arguments.seed)
    model.compile()
    before = _losses(model, tested)
    took = pretrain(model, given, SECONDS, arguments.seed)
    after = _losses(model, tested)
    progress(f"four objectives in {took['steps']:.0f} steps, {took['seconds']:.0f} s of two cores")
    rows = []
    for name in model.objectives:
        loss = f"{name}_loss"
        rows += [
            Row(loss, after[loss], before[loss], "untrained", "nats" if name != "mim" else "squared error"),
            Row(f"{name}_factor", after[loss] / before[loss]),
        ]
    rows += [Row(name, after[name], before[name], "untrained") for name in ("itm_accuracy", "mlm_accuracy")]
    rows.append(Row("objectives_seconds", took["seconds"], unit="s of two cores"))
    return rows, {"before": before, "after": after, "steps": took["steps"], "train_pictures": PICTURES}


def _vit() -> Any:
    from mmzoo import build_vit

    return build_vit(
        image_size=32,
        patch_size=PATCH,
        width=WIDTH,
        depth=DEPTH,
        num_heads=HEADS,
        activation="gelu_tanh",
        pooling="mean",
        mask_token=True,
    )


def _losses(model: Any, inputs: dict[str, Any]) -> dict[str, float]:
    return model.evaluate(inputs, batch_size=64, verbose=0, return_dict=True)
