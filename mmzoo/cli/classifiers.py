"""mmzoo export-classifier: a CLIP with the labels inside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from mmzoo.cli.output import JsonFlag, Output

if TYPE_CHECKING:
    from mmzoo.data import Pairs
    from mmzoo.metrics import Evaluation

DATA_PICTURES = 2000


def export_classifier(
    model: Annotated[Path, typer.Option(help="A run directory or a .keras file.")],
    labels: Annotated[str, typer.Option(help="Comma-separated, or a text file with one a line.")],
    out: Annotated[Path, typer.Option(help="The bundle; it must not exist yet.")],
    template: Annotated[list[str], typer.Option(help="A prompt with {} for the label; repeat it to average several.")],
    formats: Annotated[str, typer.Option(help="Comma-separated.")] = "saved_model,tflite,onnx",
    quantize: Annotated[str | None, typer.Option(help="int8, fp16 or both.")] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Pictures to prove with; their classes measure the accuracy where labels have all of them."),
    ] = None,
    gate: Annotated[
        bool, typer.Option("--gate/--no-gate", help="Refuse a quantized file that has lost too much.")
    ] = True,
    raw: Annotated[
        bool, typer.Option("--raw/--no-raw", help="Also write the form that takes encoded pictures.")
    ] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier bundle.")] = False,
    json: JsonFlag = False,
) -> None:
    """Write an image-in, probabilities-out classifier with the labels' embeddings inside: a phone needs no tokenizer."""
    from mmzoo.cli.app import held_out, start_keras
    from mmzoo.cli.evaluation import check_data, sample
    from mmzoo.cli.exporting import check_target, checked_choices
    from mmzoo.cli.runs import check_model, load_model

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
    loaded = load_model(model)
    samples, evaluation = None, None
    if data is not None:
        pairs = sample(held_out(model, data, output), DATA_PICTURES, seed=0)
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


def read_labels(text: str) -> list[str]:
    """The labels of a file, one a line, or those between the commas; empty ones are left out.

    Raises ValueError for fewer than two, as the name of a file that does not exist is.
    """
    is_file = os.path.isfile(text)  # unlike Path.is_file, false for a list too long to be a name
    parts = Path(text).read_text(encoding="utf-8").splitlines() if is_file else text.split(",")
    labels = [part.strip() for part in parts if part.strip()]
    if len(labels) < 2:
        raise ValueError(f"--labels must be a file that exists, or two labels or more with commas, received {text!r}")
    return labels


def accuracy_on(model: Any, pairs: Pairs, labels: list[str]) -> Evaluation | None:
    """The pictures with their classes as numbers of the labels, None where they have none or a class is no label."""
    from mmzoo.data import BadPictures
    from mmzoo.metrics import classification_evaluation

    classes = [] if pairs.labels is None else [name.replace("_", " ") for name in pairs.label_names]
    if not classes or not set(classes) <= set(labels):
        return None
    bad = BadPictures()
    images = pairs.arrays(model, bad_pictures=bad)["images"]
    kept = np.setdiff1d(np.arange(len(pairs)), bad.indices)
    numbers = np.array([labels.index(name) for name in classes])
    return classification_evaluation(images, numbers[pairs.labels[kept]])
