"""A CLIP that reads the captions and a GAN that draws them, each in its budget; kept in a folder where one is given."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from budget import Budget
from report import Row
from sections import progress

if TYPE_CHECKING:
    from mmzoo import CLIP, TextToImage
    from mmzoo.data import Pairs
    from mmzoo.metrics import GenerationReport

CLIP_RATE, CLIP_BATCH = 2e-3, 256
RATE, BATCH = 1e-3, 32
LAST_RATE = 0.05
"""What is left of both rates at the end; they fall evenly."""


def kept(arguments: argparse.Namespace, name: str, make: Callable[[], tuple[Any, dict[str, float]]]) -> Any:
    """(model, what training it took): made, or, with --models, read from there if an earlier run was stopped after it."""
    import mmzoo

    if arguments.models is None:
        return make()
    path, record = arguments.models / f"{name}.keras", arguments.models / f"{name}.json"
    if path.exists() and record.exists():
        progress(f"{name}: read from {arguments.models.name}")
        return mmzoo.load(path), json.loads(record.read_text(encoding="utf-8"))
    model, took = make()
    arguments.models.mkdir(parents=True, exist_ok=True)
    model.save(path)
    record.write_text(json.dumps(took), encoding="utf-8")
    return model, took


def seeds_of(
    section: str, seeds: tuple[int, ...], arguments: argparse.Namespace
) -> Callable[[str], list[float]] | None:
    """A function from a figure's name to what each seed's section has of it in the JSON file; None where --full does not fill one."""
    if not arguments.full or arguments.json is None or not arguments.json.exists():
        return None
    figures = json.loads(arguments.json.read_text(encoding="utf-8"))["figures"]
    return lambda name: [figures[f"{section}_{seed}_{name}"] for seed in seeds]


def report_rows(prefix: str, report: GenerationReport) -> list[Row]:
    """Each figure, of as many pictures a side as its floor where it needs two sides, beside that floor."""
    return [
        Row(
            f"{prefix}_{figure.name}",
            figure.value if figure.paired is None else figure.paired,
            figure.floor,
            "real against real",
        )
        for figure in report.figures
    ]


def train_clip(pairs: Pairs, seconds: float, seed: int, *, batch: int = CLIP_BATCH) -> tuple[CLIP, dict[str, float]]:
    """A small CLIP of 32-pixel pictures, for so many seconds of two cores."""
    import keras

    from mmzoo import Tokenizer, build_clip, build_convnet, build_text_transformer, data

    keras.utils.set_random_seed(seed)
    captions = sorted(set(pairs.all_captions()))
    tokenizer = Tokenizer.train(captions, 512)
    length = int((tokenizer(captions, 64) != tokenizer.pad_id).sum(1).max())
    text_encoder = build_text_transformer(
        vocab_size=tokenizer.vocab_size,
        context_length=length,
        width=96,
        depth=2,
        num_heads=4,
        activation="gelu_tanh",
        mask_rule="pad_id",
        pad_id=tokenizer.pad_id,
        end_id=tokenizer.end_id,
    )
    clip = build_clip(
        image_encoder=build_convnet(image_size=32, widths=(32, 64, 128), blocks=1),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        embed_dim=64,
    )
    budget = Budget(seconds, CLIP_RATE)
    clip.compile(keras.optimizers.AdamW(CLIP_RATE, weight_decay=0.01))
    clip.fit(data.dataset(pairs, clip, batch, seed=seed), epochs=100_000, verbose=0, callbacks=[budget])
    return clip, {f"clip_{name}": value for name, value in budget.took().items()}


def train_gan(
    pairs: Pairs, clip: CLIP, seconds: float, seed: int, *, name: str, **options: Any
) -> tuple[TextToImage, dict[str, float]]:
    """A text-to-image model that reads the captions by the CLIP, for so many seconds of two cores."""
    import keras

    from mmzoo import build_text_to_image, data

    keras.utils.set_random_seed(seed)
    model = build_text_to_image(clip, **options)
    budget = Budget(seconds, RATE, schedule=_fall, told_as=name)
    sides = (keras.optimizers.Adam(RATE, beta_1=0.0, beta_2=0.99) for _ in range(2))
    model.compile(*sides)
    model.fit(data.dataset(pairs, model, BATCH, seed=seed), epochs=100_000, verbose=0, callbacks=[budget])
    return model, budget.took()


def _fall(done: float) -> float:
    return 1 - (1 - LAST_RATE) * done
