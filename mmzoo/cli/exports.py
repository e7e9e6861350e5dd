"""The commands that write a bundle: export and export-classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmzoo.cli.output import JsonFlag, Output, with_chance
from mmzoo.cli.runs import check_model, load_model, start_keras

DATA_HELP = "digits, shapes, or a folder (captions.jsonl, captions.csv, class sub-folders, or .tar shards)."
MODEL_HELP = (
    "a run directory, a .keras file, a folder with a checkpoint of transformers or open_clip, or hf://owner/name."
)
ModelOption = Annotated[str, typer.Option("--model", help=MODEL_HELP[0].upper() + MODEL_HELP[1:])]
Formats = Annotated[str, typer.Option(help="Comma-separated.")]
Quantize = Annotated[str | None, typer.Option(help="int8, fp16 or both: ONNX and TFLite files of that precision, too.")]
GateFlag = Annotated[
    bool,
    typer.Option(
        "--gate/--no-gate",
        help="Refuse quantized files past the limits: int8 cosine 0.99 and half a point, fp16 0.9999 and a tenth; pictures 5 "
        "and 0.5 levels of 255.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier bundle.")]
Out = Annotated[Path, typer.Option(help="The bundle; it must not exist yet.")]
ALL_FORMATS = "saved_model,tflite,onnx"


def export(
    model: ModelOption,
    out: Out,
    formats: Formats = ALL_FORMATS,
    quantize: Quantize = None,
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
    gate: GateFlag = True,
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
    overwrite: Overwrite = False,
    json: JsonFlag = False,
) -> None:
    """Write SavedModel, TFLite and ONNX files, each loaded again in its own runtime and compared with the model."""
    from mmzoo.cli.evaluation import check_data, evaluate, held_out, sample
    from mmzoo.cli.exporting import GATE_PICTURES, check_target, checked_choices, gate_evaluation, read_samples_file

    chosen, precisions = checked_choices(formats, quantize, layout)
    check_target(out, overwrite)
    check_model(model)
    if data is not None:
        check_data(data)
    arrays = None if samples is None else read_samples_file(samples)
    start_keras()
    import mmzoo
    from mmzoo.exporters.gate import Gate
    from mmzoo.models import CLIP

    output = Output(json)
    loaded = load_model(model)
    evaluation, figures = None, []
    if data is not None:
        if not isinstance(loaded, CLIP) or loaded.tokenizer is None:
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


def export_classifier(
    model: ModelOption,
    labels: Annotated[str, typer.Option(help="Comma-separated, or a text file with one a line.")],
    out: Out,
    template: Annotated[list[str], typer.Option(help="A prompt with {} for the label; repeat it to average several.")],
    formats: Formats = ALL_FORMATS,
    quantize: Quantize = None,
    data: Annotated[
        str | None,
        typer.Option(help="Pictures to prove with; their classes measure the accuracy where labels have all of them."),
    ] = None,
    gate: GateFlag = True,
    raw: Annotated[
        bool, typer.Option("--raw/--no-raw", help="Also write the form that takes encoded pictures.")
    ] = True,
    overwrite: Overwrite = False,
    json: JsonFlag = False,
) -> None:
    """Write an image-in, probabilities-out classifier with the labels' embeddings inside: a phone needs no tokenizer."""
    from mmzoo.cli.evaluation import check_data, held_out, sample
    from mmzoo.cli.exporting import CLASSIFIER_PICTURES, accuracy_on, check_target, checked_choices, read_labels
    from mmzoo.cli.runs import load_clip

    chosen, precisions = checked_choices(formats, quantize, None)
    names = read_labels(labels)
    check_target(out, overwrite)
    check_model(model)
    if data is not None:
        check_data(data)
    start_keras()
    from mmzoo.exporters import export_classifier as write
    from mmzoo.exporters.gate import DEFAULT_GATE

    output = Output(json)
    loaded, _ = load_clip(model)
    samples, evaluation = None, None
    if data is not None:
        pairs = sample(held_out(model, data, output), CLASSIFIER_PICTURES, seed=0)
        samples = {"images": sample(pairs, 64, seed=0).arrays(loaded)["images"]}
        evaluation = accuracy_on(loaded, pairs, names)
        if evaluation is None:
            known = ", ".join(pairs.label_names) or "none"
            output.say(f"no accuracy is measured: the labels do not hold all classes of {data} ({known})")
    with output.status("exporting and comparing each file with the model in its own runtime"):
        manifest = write(
            loaded,
            names,
            template,
            out,
            chosen,
            quantize=precisions or None,
            samples=samples,
            evaluation=evaluation,
            gate=DEFAULT_GATE if gate else None,
            raw=raw,
            overwrite=overwrite,
        )
    output.finish(str(model), [], manifest=manifest, bundle=str(out))
