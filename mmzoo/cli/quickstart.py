"""The quickstart command's job: train on data that ships, measure, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mmzoo
from mmzoo.cli.evaluation import evaluate, open_data, sample
from mmzoo.cli.output import Output, with_chance
from mmzoo.cli.runs import TrainConfig
from mmzoo.cli.training import draw, train
from mmzoo.metrics import Figure

QUERIES = [
    "a photo of the digit three",
    "a photo of the digit eight",
    "a large red circle on a blue background",
    "a small yellow square on a black background",
    "a large green triangle on a white background",
    "a small purple circle on a gray background",
]


def run_quickstart(directory: Path, run: Path, *, epochs: int, seed: int, output: Output) -> None:
    """Trains, measures zero-shot accuracy on digits, shapes and held-out shapes, exports, and says where everything is."""
    config = TrainConfig(
        ("digits", "shapes"), epochs=epochs, batch_size=64, learning_rate=2e-3, vocab_size=512, seed=seed
    )
    model, test = train(config, run, output)
    draw(model, test, QUERIES, run)
    figures = [
        *measure(model, "digits", "test"),
        *measure(model, "shapes", "test"),
        *measure(model, "shapes", "held_out"),
    ]
    with output.status("exporting and comparing each file with the model in its own runtime"):
        manifest = mmzoo.export(
            model,
            directory,
            samples=sample(test, 64, seed).arrays(model),
            metrics=with_chance(figures),
            overwrite=True,
        )
    pictures = [str(run / name) for name in ("loss.png", "similarity.png", "gallery.png")]
    card = str(directory / "README.md")
    output.finish("quickstart", figures, manifest=manifest, bundle=str(directory), model_card=card, pictures=pictures)


def measure(model: Any, name: str, split: str) -> list[Figure]:
    """Zero-shot top-1 and recall@1 both ways, named after the data and the split."""
    prefix = f"{name}_" if split == "test" else f"{name}_{split}_"
    kept = ("zero_shot_top1", "recall@1_i2t", "recall@1_t2i")
    figures = evaluate(model, open_data(name, split), prefix=prefix)
    return [figure for figure in figures if figure.name.removeprefix(prefix) in kept]
