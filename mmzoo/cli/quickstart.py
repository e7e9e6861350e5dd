"""The quickstart command's job: train on data that ships, measure, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import mmzoo
from mmzoo.cli.evaluation import evaluate, open_data
from mmzoo.cli.output import Output
from mmzoo.cli.runs import TrainConfig
from mmzoo.cli.training import draw, run_training
from mmzoo.data.handwriting import DIGIT_TEMPLATES
from mmzoo.metrics import Figure

QUERIES = [
    "a photo of the digit three",
    "a photo of the digit eight",
    "数字七",
    "a large red circle on a blue background",
    "a small yellow square on a black background",
    "a large green triangle on a white background",
    "a small purple circle on a gray background",
]


def run_quickstart(directory: Path, run: Path, *, epochs: int, seed: int, output: Output) -> None:
    """Trains, measures zero-shot accuracy on digits, shapes and held-out shapes, exports, and says where everything is."""
    config = TrainConfig(
        data=("digits", "shapes"),
        preset="tiny",
        epochs=epochs,
        batch_size=64,
        learning_rate=2e-3,
        vocab_size=512,
        seed=seed,
    )
    model, _ = run_training(config, run, output)
    figures = [*measure(model, "digits", "test", DIGIT_TEMPLATES), *measure(model, "shapes", "test", ("{}",))]
    figures += measure(model, "shapes", "held_out", ("{}",))
    test = open_data("digits", "test").concat(open_data("shapes", "test"))
    draw(model, test, run, queries=[query for query in QUERIES if query.isascii()])
    samples = test.subset(np.random.default_rng(0).permutation(len(test))[:64]).arrays(model)
    with output.status("exporting and comparing each file with the model in its own runtime"):
        manifest = mmzoo.export(
            model, directory, samples=samples, metrics={figure.name: figure.value for figure in figures}, overwrite=True
        )
    output.finish_artifacts(directory, manifest)
    pictures = ", ".join(str(run / name) for name in ("loss.png", "similarity.png", "gallery.png"))
    output.finish(
        "quickstart", figures, bundle=str(directory), model_card=str(directory / "README.md"), pictures=pictures
    )


def measure(model: Any, name: str, split: str, templates: tuple[str, ...]) -> list[Figure]:
    """Zero-shot top-1 and recall@1 both ways, named after the data and the split."""
    prefix = f"{name}_" if split == "test" else f"{name}_{split}_"
    kept = ("zero_shot_top1", "recall@1_i2t", "recall@1_t2i")
    return [
        figure
        for figure in evaluate(model, open_data(name, split), prefix=prefix, templates=templates)
        if figure.name.removeprefix(prefix) in kept
    ]
