"""The commands and their options. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmzoo.cli import bundles, captions, catalogue, exports, pictures
from mmzoo.cli.exports import DATA_HELP, MODEL_HELP, ModelOption
from mmzoo.cli.output import JsonFlag, Output
from mmzoo.cli.runs import TrainConfig, check_model, start_keras
from mmzoo.presets import clip_preset

app = typer.Typer(
    help="Multimodal models for Keras: train an image-text model, measure it, and ship it with proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Seed = Annotated[int, typer.Option(help="Seeds weights, order and augmentation.")]


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
    "[bold]mmzoo train --data photos/ --preset small --loss sigmoid --batch-size 128 --out runs/photos[/bold]\n\n"
    "[bold]mmzoo train --data photos/ --model hf://openai/clip-vit-base-patch32 --learning-rate 1e-5 --out runs/tuned[/bold]"
)
def train(
    data: Annotated[list[str], typer.Option(help=DATA_HELP + " Repeat it to mix several.")],
    out: Annotated[Path, typer.Option(help="The run directory; an interrupted run in it goes on.")],
    preset: Annotated[
        str | None, typer.Option(help="Sizes of a new model, one of mmzoo list; default tiny.", show_default=False)
    ] = None,
    model: Annotated[str | None, typer.Option(help="Go on from this CLIP instead: " + MODEL_HELP)] = None,
    epochs: Annotated[int, typer.Option(min=1)] = 10,
    batch_size: Annotated[int, typer.Option(min=2)] = 64,
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="Peak, after the warm-up; default 1e-3, and 1e-5 with --model.")
    ] = None,
    weight_decay: Annotated[float, typer.Option(min=0)] = 0.05,
    loss: Annotated[
        str | None, typer.Option(help="softmax (CLIP), sigmoid (SigLIP) or triplet (VSE++); default the preset's.")
    ] = None,
    tokenizer: Annotated[Path | None, typer.Option(help="A tokenizer.json; without it one is trained.")] = None,
    vocab_size: Annotated[int, typer.Option(min=300, help="Size of a tokenizer trained here.")] = 1024,
    held_out: Annotated[float, typer.Option(min=0.001, max=0.9, help="Share of a folder kept for validation.")] = 0.1,
    seed: Seed = 0,
    json: JsonFlag = False,
) -> None:
    """Train a CLIP; writes the configuration, checkpoints, model.keras, history and plots into the run directory."""
    if model is None:
        preset = preset or "tiny"
        loss = loss or clip_preset(preset).loss
    elif preset or loss or tokenizer:
        raise ValueError(f"--preset, --loss and --tokenizer must be left out with --model, received --model {model}")
    else:
        check_model(model)
    start_keras()
    from mmzoo.cli.training import train_and_measure

    config = TrainConfig(
        data=tuple(data),
        preset=preset,
        model=model,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=(1e-3 if model is None else 1e-5) if learning_rate is None else learning_rate,
        weight_decay=weight_decay,
        loss=loss,
        tokenizer=None if tokenizer is None else str(tokenizer),
        vocab_size=vocab_size,
        held_out=held_out,
        seed=seed,
    )
    output = Output(json)
    output.finish("held-out pictures", train_and_measure(config, out, output), run=str(out))


@app.command(
    name="eval",
    epilog="Examples:\n\n[bold]mmzoo eval --model runs/shapes --data shapes[/bold]\n\n"
    "[bold]mmzoo eval --model mood.keras --data sentiment --out reports/mood[/bold]\n\n"
    "[bold]mmzoo eval --model vqa.keras --data 'shape-questions:left of,right of' --data mine/test.csv --out reports/vqa[/bold]",
)
def evaluate(
    model: ModelOption,
    data: Annotated[
        list[str],
        typer.Option(
            help="For a CLIP or a captioner: "
            + DATA_HELP
            + " For a classifier or matcher: sentiment, digit-questions, shape-questions (of some kinds alone: "
            "'shape-questions:left of,right of'), matching, or a table with the columns image, text and label (.csv, .tsv, "
            ".jsonl, .ndjson). Repeat it to measure on several."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Also write report.json and plots into this folder; replaced if it holds a report."),
    ] = None,
    template: Annotated[
        list[str] | None, typer.Option(help="Prompt for a class name, with {}; default the data's own.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(help="Of a captioner's captions: a tag of its tokenizer, such as en.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=2, help="Measure on at most so many pictures or examples of each.")] = 5000,
    seed: Annotated[int, typer.Option(help="Seeds what --limit keeps, and what the ablation shuffles.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Measure a CLIP, a captioner, a classifier or a matcher.

    Of a CLIP: retrieval both ways, zero-shot accuracy where the data has
    classes, and the cosine of pairs beside that of mismatched pairs. Of a folder
    it was trained on, only the pictures held out from training are used.

    Of a captioner: BLEU, ROUGE-L, CIDEr-D and distinct n-grams of greedy and of
    beam search, beside what the real captions are worth to each other; of
    shapes also how many captions say what there is.

    Of the others: accuracy, precision, recall, F1, ROC-AUC, average precision,
    confusion matrix and calibration, class by class and kind by kind; and its
    accuracy with the pictures shuffled and with the texts shuffled, which tells
    whether it needs both. Where a model has one score and no label for it, the
    table's labels must say no (no, false, 0, negative) and yes (yes, true, 1,
    positive), of a matcher also mismatch or wrong and match or right.
    """
    check_model(model)
    start_keras()
    from mmzoo.cli.measuring import measure

    measure(model, data, out, templates=template or (), language=language, limit=limit, seed=seed, output=Output(json))


app.command(epilog="Example: [bold]mmzoo caption --model captioner.keras photo.jpg other.png --language en[/bold]")(
    captions.caption
)
app.command(epilog="Example: [bold]mmzoo ask --model vqa.keras photo.jpg 'how many circles are there?'[/bold]")(
    captions.ask
)
app.command(
    epilog="Examples:\n\n[bold]mmzoo generate --model painter.keras 'a large red circle on blue' --n 16 --out grid.png[/bold]\n\n"
    "[bold]mmzoo generate --model painter.keras 'a red circle' 'a blue square' --n 4 --best-of 8 --judge clip.keras --out best.png[/bold]"
)(pictures.generate)
app.command(
    epilog="Examples:\n\n[bold]mmzoo export --model runs/shapes --data shapes --out exports/shapes --formats onnx,tflite[/bold]"
    "\n\n[bold]mmzoo export --model runs/shapes --data shapes --out exports/small --quantize int8,fp16 --layout triton[/bold]"
    "\n\n[bold]mmzoo export --model hf://openai/clip-vit-base-patch32 --out exports/clip[/bold]"
)(exports.export)
app.command(
    name="export-classifier",
    epilog="Example: [bold]mmzoo export-classifier --model runs/pets --labels cat,dog --template 'a photo of a {}' "
    "--out exports/pets --formats tflite --quantize int8[/bold]",
)(exports.export_classifier)
app.command(epilog="Example: [bold]mmzoo verify exports/quickstart[/bold]")(bundles.verify)
app.command(
    epilog="Examples:\n\n[bold]mmzoo bench exports/quickstart --png costs.png[/bold]\n\n"
    "[bold]mmzoo bench exports/quickstart --part image --format onnx,tflite --batch 1 --threads 1,4 --seconds 10[/bold]"
)(bundles.bench)
app.command(name="list", epilog="Example: [bold]mmzoo list --json[/bold]")(catalogue.list_presets)
app.command(
    epilog="Examples:\n\n[bold]mmzoo info vit_b_32[/bold]\n\n[bold]mmzoo info exports/quickstart[/bold]\n\n"
    "[bold]mmzoo info checkpoints/clip-vit-base-patch32[/bold]"
)(catalogue.info)
