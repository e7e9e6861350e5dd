"""The commands and their options. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmzoo.cli import bundles, classifiers
from mmzoo.cli.output import JsonFlag, Output, with_chance

if TYPE_CHECKING:
    from mmzoo.data import Pairs

app = typer.Typer(
    help="Multimodal models for Keras: train an image-text model, measure it, and ship it with proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

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
    epilog="Examples:\n\n[bold]mmzoo export --model runs/shapes --data shapes --out exports/shapes --formats onnx,tflite[/bold]"
    "\n\n[bold]mmzoo export --model runs/shapes --data shapes --out exports/small --quantize int8,fp16 --layout triton[/bold]"
)
def export(
    model: Model,
    out: Annotated[Path, typer.Option(help="The bundle; it must not exist yet.")],
    formats: Annotated[str, typer.Option(help="Comma-separated.")] = "saved_model,tflite,onnx",
    quantize: Annotated[
        str | None, typer.Option(help="int8, fp16 or both: ONNX and TFLite files of that precision, too.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="For a CLIP: prove with 64 of these pictures, record its figures, and gate by them. " + DATA_HELP
        ),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(help="Prove with these instead: an .npz with an array for each input; default synthetic ones."),
    ] = None,
    gate: Annotated[
        bool,
        typer.Option(
            "--gate/--no-gate",
            help="Refuse quantized files past the limits: int8 cosine 0.99 and half a point, fp16 0.9999 and a tenth.",
        ),
    ] = True,
    raw: Annotated[
        bool, typer.Option("--raw/--no-raw", help="Also write the forms that take encoded pictures and strings.")
    ] = True,
    layout: Annotated[str | None, typer.Option(help="triton: add a model repository for Triton.")] = None,
    tflite_batch: Annotated[
        int | None, typer.Option(min=1, help="Fix the batch of TFLite files; default free.")
    ] = None,
    allow_flex: Annotated[
        bool, typer.Option("--allow-flex", help="TFLite files may need TensorFlow's select operations.")
    ] = False,
    external_data: Annotated[
        bool, typer.Option("--external-data", help="ONNX weights in a file of their own, as above 1.5 GB.")
    ] = False,
    allow_token_differences: Annotated[
        bool,
        typer.Option("--allow-token-differences", help="Tokenizers in files may differ; the manifest then says where."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier bundle.")] = False,
    json: JsonFlag = False,
) -> None:
    """Write SavedModel, TFLite and ONNX files, each loaded again in its own runtime and compared with the model."""
    from mmzoo.cli.evaluation import check_data, evaluate, sample
    from mmzoo.cli.exporting import GATE_PICTURES, check_target, checked_choices, gate_evaluation, read_samples_file
    from mmzoo.cli.runs import check_model, load_model

    chosen, precisions = checked_choices(formats, quantize, layout)
    check_target(out, overwrite)
    check_model(model)
    if data is not None:
        check_data(data)
    arrays = None if samples is None else read_samples_file(samples)
    start_keras()
    import mmzoo
    from mmzoo.exporters.gate import Gate

    output = Output(json)
    loaded = load_model(model)
    evaluation, figures = None, []
    if data is not None:
        if getattr(loaded, "tokenizer", None) is None:
            raise ValueError("--data must go with a CLIP and its tokenizer; --samples proves any other model")
        pairs = held_out(model, data, output)
        arrays = sample(pairs, 64, seed=0).arrays(loaded) if arrays is None else arrays
        figures = evaluate(loaded, sample(pairs, 5000, seed=0), prefix=f"{Path(data).name}_")
        if precisions:
            evaluation = gate_evaluation(loaded, sample(pairs, GATE_PICTURES, seed=0))
    with output.status("exporting and comparing each file with the model in its own runtime"):
        manifest = mmzoo.export(
            loaded,
            out,
            chosen,
            quantize=precisions or None,
            samples=arrays,
            evaluation=evaluation,
            gate=Gate() if gate else None,
            raw=raw,
            layout=layout,
            allow_flex=allow_flex,
            tflite_batch=tflite_batch,
            external_data=external_data,
            allow_token_differences=allow_token_differences,
            metrics=with_chance(figures),
            overwrite=overwrite,
        )
    output.finish(str(model), figures, manifest=manifest, bundle=str(out))


app.command(
    name="export-classifier",
    epilog="Example: [bold]mmzoo export-classifier --model runs/pets --labels cat,dog --template 'a photo of a {}' "
    "--out exports/pets --formats tflite --quantize int8[/bold]",
)(classifiers.export_classifier)
app.command(epilog="Example: [bold]mmzoo verify exports/quickstart[/bold]")(bundles.verify)
app.command(
    epilog="Examples:\n\n[bold]mmzoo bench exports/quickstart --png costs.png[/bold]\n\n"
    "[bold]mmzoo bench exports/quickstart --part image --format onnx,tflite --batch 1 --threads 1,4 --seconds 10[/bold]"
)(bundles.bench)
app.command(epilog="Example: [bold]mmzoo info exports/quickstart[/bold]")(bundles.info)
