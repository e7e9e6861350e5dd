"""The commands and their options. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmzoo.cli.output import Output, with_chance

if TYPE_CHECKING:
    from mmzoo.data import Pairs

app = typer.Typer(
    help="Multimodal models for Keras: train an image-text model, measure it, and ship it with proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Seed = Annotated[int, typer.Option(help="Seeds weights, order and augmentation.")]
Model = Annotated[Path, typer.Option(help="A run directory or a .keras file.")]
DATA_HELP = "digits, shapes, or a folder (captions.jsonl, captions.csv, class sub-folders, or .tar shards)."


def start_keras() -> None:
    """Loads Keras and its backend without the lines that TensorFlow prints while it starts."""
    from mmzoo.bundle.chatter import quiet

    with quiet():
        import keras

        keras.ops.zeros(())  # the backend looks for devices when it makes its first tensor


def held_out(model: Path, name: str, output: Output) -> Pairs:
    """What of the data the model was not trained on, as far as its run directory tells."""
    from mmzoo.cli.evaluation import SHIPPED, open_data
    from mmzoo.cli.runs import read_config

    pairs = open_data(name, "test")
    config = read_config(model)
    if (
        config is None
        or name in SHIPPED
        or Path(name).resolve() not in [Path(trained).resolve() for trained in config.data]
    ):
        return pairs
    output.say(f"{name} was trained on: only its held-out pictures are used")
    return pairs.split(config.held_out, config.seed)[1]


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        import mmzoo

        typer.echo(f"mmzoo {mmzoo.__version__}")
        raise typer.Exit


@app.command(epilog="Example: [bold]mmzoo quickstart --seed 1 --run runs/second --out exports/second[/bold]")
def quickstart(
    out: Annotated[Path, typer.Option(help="Where the bundle goes; replaced if it holds one.")] = Path(
        "exports/quickstart"
    ),
    run: Annotated[Path, typer.Option(help="Where the run and its pictures go.")] = Path("runs/quickstart"),
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data.")] = 30,
    seed: Seed = 0,
    json: JsonFlag = False,
) -> None:
    """Train a CLIP on real handwritten digits and on drawn shapes, measure it, and export it to three runtimes.

    Everything needed ships with mmzoo. A run that was cut goes on where it was.
    """
    start_keras()
    from mmzoo.cli.quickstart import run_quickstart

    run_quickstart(out, run, epochs=epochs, seed=seed, output=Output(json))


@app.command(
    epilog="Examples:\n\n[bold]mmzoo train --data shapes --preset tiny --epochs 10 --out runs/shapes[/bold]\n\n"
    "[bold]mmzoo train --data photos/ --preset small --loss sigmoid --batch-size 128 --out runs/photos[/bold]"
)
def train(
    data: Annotated[list[str], typer.Option(help=DATA_HELP + " Repeat it to mix several.")],
    out: Annotated[Path, typer.Option(help="The run directory; an interrupted run in it goes on.")],
    preset: Annotated[str, typer.Option(help="tiny, small, vit_b_32, vit_b_16 or vit_l_14.")] = "tiny",
    epochs: Annotated[int, typer.Option(min=1)] = 10,
    batch_size: Annotated[int, typer.Option(min=2)] = 64,
    learning_rate: Annotated[float, typer.Option(min=0, help="Peak, after the warm-up.")] = 1e-3,
    weight_decay: Annotated[float, typer.Option(min=0)] = 0.05,
    loss: Annotated[str, typer.Option(help="softmax (CLIP) or sigmoid (SigLIP).")] = "softmax",
    tokenizer: Annotated[Path | None, typer.Option(help="A tokenizer.json; without it one is trained.")] = None,
    vocab_size: Annotated[int, typer.Option(min=300, help="Size of a tokenizer trained here.")] = 1024,
    held_out: Annotated[float, typer.Option(min=0.001, max=0.9, help="Share of a folder kept for validation.")] = 0.1,
    seed: Seed = 0,
    json: JsonFlag = False,
) -> None:
    """Train a CLIP; writes the configuration, checkpoints, model.keras, history and plots into the run directory."""
    start_keras()
    from mmzoo.cli.runs import TrainConfig
    from mmzoo.cli.training import train_and_measure

    config = TrainConfig(
        data=tuple(data),
        preset=preset,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        loss=loss,
        tokenizer=None if tokenizer is None else str(tokenizer),
        vocab_size=vocab_size,
        held_out=held_out,
        seed=seed,
    )
    output = Output(json)
    output.finish("held-out pictures", train_and_measure(config, out, output), run=str(out))


@app.command(name="eval", epilog="Example: [bold]mmzoo eval --model runs/shapes --data shapes[/bold]")
def evaluate(
    model: Model,
    data: Annotated[list[str], typer.Option(help=DATA_HELP)],
    template: Annotated[
        list[str] | None, typer.Option(help="Prompt for a class name, with {}; default the data's own.")
    ] = None,
    limit: Annotated[int, typer.Option(min=2, help="Measure on at most so many pictures of each.")] = 5000,
    seed: Seed = 0,
    json: JsonFlag = False,
) -> None:
    """Measure retrieval both ways, and zero-shot accuracy where the data has classes, with chance beside each figure.

    Of a folder that the model was trained on, only the pictures held out from training are used.
    """
    start_keras()
    from mmzoo.cli.evaluation import evaluate as measure
    from mmzoo.cli.evaluation import sample
    from mmzoo.cli.runs import load_model

    output = Output(json)
    loaded = load_model(model)
    figures = []
    for name in data:
        pairs = sample(held_out(model, name, output), limit, seed)
        with output.status(f"measuring on {len(pairs):,} pictures of {name}"):
            figures += measure(loaded, pairs, prefix=f"{Path(name).name}_", templates=template or ())
    output.finish(str(model), figures)


@app.command(
    epilog="Example: [bold]mmzoo export --model runs/shapes --data shapes --out exports/shapes --formats onnx,tflite[/bold]"
)
def export(
    model: Model,
    out: Annotated[Path, typer.Option(help="The bundle; it must not exist yet.")],
    formats: Annotated[str, typer.Option(help="Comma-separated.")] = "saved_model,tflite,onnx",
    data: Annotated[
        str | None, typer.Option(help="Prove with 64 of these pictures and record the model's figures. " + DATA_HELP)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier bundle.")] = False,
    json: JsonFlag = False,
) -> None:
    """Write SavedModel, TFLite and ONNX files, each loaded again in its own runtime and compared with the model."""
    start_keras()
    import mmzoo
    from mmzoo.cli.evaluation import evaluate, sample
    from mmzoo.cli.runs import load_model

    output = Output(json)
    loaded = load_model(model)
    samples, figures = None, []
    if data is not None:
        pairs = held_out(model, data, output)
        samples = sample(pairs, 64, seed=0).arrays(loaded)
        figures = evaluate(loaded, sample(pairs, 5000, seed=0), prefix=f"{Path(data).name}_")
    with output.status("exporting and comparing each file with the model in its own runtime"):
        manifest = mmzoo.export(
            loaded, out, tuple(formats.split(",")), samples=samples, metrics=with_chance(figures), overwrite=overwrite
        )
    output.finish(str(model), figures, manifest=manifest, bundle=str(out))


@app.command(epilog="Example: [bold]mmzoo verify exports/quickstart[/bold]")
def verify(
    directory: Annotated[Path, typer.Argument(help="A bundle that export wrote.")],
    json: JsonFlag = False,
) -> None:
    """Check a bundle's hashes, then run its samples through every runtime; exit status 1 names what is wrong."""
    from mmzoo.bundle import verify as check

    output = Output(json)
    with output.status("verifying"):
        verification = check(directory)
    output.finish_verification(directory, verification)
