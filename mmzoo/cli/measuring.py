"""The eval command's job: a CLIP or a captioner on pictures with captions, a classifier on a task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from mmzoo.cli.caption_reports import caption_pairs, caption_table, draw_captions, in_language
from mmzoo.cli.evaluation import SHIPPED, embed, evaluate, held_out, sample
from mmzoo.cli.output import Output, with_chance
from mmzoo.cli.reports import report_folder, short_names, write_report
from mmzoo.cli.runs import load_model
from mmzoo.cli.tasks import TASKS, check_task, draw_task, evaluate_task, is_task, open_examples, read_examples
from mmzoo.cli.training import draw
from mmzoo.models import CLIP, Captioner, Classifier, CoCa, Matcher


def measure(
    path: str,
    data: list[str],
    out: Path | None,
    *,
    templates: Sequence[str],
    language: str | None,
    limit: int,
    seed: int,
    output: Output,
) -> None:
    """Prints the figures of the model in path and writes the report."""
    names = short_names(data)
    for name in data:
        _check_name(name)
    with report_folder(out) as folder:
        model = _load_model(path, data)
        if language is not None and not isinstance(model, Captioner):
            raise ValueError("--language must be left out for a model that writes nothing")
        if isinstance(model, CLIP):
            figures = _measure_clip(model, path, names, folder, templates, limit, seed, output)
        elif templates:
            raise ValueError("--template must be left out for a model other than a CLIP: only its classes have prompts")
        elif isinstance(model, Captioner):
            figures = _measure_captioner(model, path, names, folder, language, limit, seed, output)
        else:
            figures = _measure_tasks(model, names, folder, limit, seed, output)
        record = {"model": path} | figures
        if folder is not None:
            write_report(folder, record)
    if out is not None:
        output.show(f"report: {out}")
        record["report"] = str(out)
    output.print_json(record)


def _check_name(name: str) -> None:
    if is_task(name):
        check_task(name)
    elif name not in SHIPPED and not Path(name).exists():
        raise FileNotFoundError(
            f"--data must be {', '.join(SHIPPED)} or a folder for a CLIP or a captioner, {', '.join(TASKS)} or a table for a "
            f"classifier, received {name!r}, which does not exist"
        )


def _load_model(path: str, data: Sequence[str]) -> keras.Model:
    """A CLIP or a captioner, or a classifier or matcher, with its tokenizer and for these data."""
    model = load_model(path)
    kinds = {CLIP: "CLIP", Captioner: "captioner", CoCa: "captioner", Classifier: "classifier", Matcher: "matcher"}
    kind = kinds.get(type(model))
    if kind is None or (kind == "captioner" and model.text_encoder is not None):
        what = "another model, of the class" if kind is None else "one that reads questions, a"
        raise ValueError(
            "--model must be a CLIP, a captioner that reads no questions, a classifier or a matcher, received "
            f"{path} with {what} {type(model).__name__}"
        )
    if model.tokenizer is None:
        raise ValueError(f"--model must be a {kind} with its tokenizer, received {path} with a {kind} that has none")
    for name in data:
        if kind not in ("CLIP", "captioner"):
            check_task(name)
        elif is_task(name):
            raise ValueError(f"--data must be {', '.join(SHIPPED)} or a folder for a {kind}, received {name!r}")
    return model


def _measure_tasks(
    model: Any, names: dict[str, str], folder: Path | None, limit: int, seed: int, output: Output
) -> dict[str, Any]:
    """{data: its report, with "ablation"}, as classification_report and modality_ablation have them."""
    record = {}
    for name, short in names.items():
        examples = read_examples(name, open_examples(name, model, limit, seed), model, output)
        with output.status(f"measuring on {len(examples.targets):,} examples of {name}"):
            report, ablation = evaluate_task(model, examples, seed)
        output.show_text(f"\n{name}: {report}\n\nwith either modality shuffled: {ablation}\n")
        record[short] = report.to_dict() | {"ablation": ablation.to_dict()}
        if folder is not None:
            draw_task(report, ablation, folder / short)
    return record


def _measure_clip(
    model: CLIP,
    path: str,
    names: dict[str, str],
    folder: Path | None,
    templates: Sequence[str],
    limit: int,
    seed: int,
    output: Output,
) -> dict[str, Any]:
    """{data_figure: value, data_figure_chance: chance, data_consistency: {...}}."""
    record: dict[str, Any] = {}
    figures = []
    for name, short in names.items():
        pairs = sample(held_out(path, name, output), limit, seed)
        with output.status(f"measuring on {len(pairs):,} pictures of {name}"):
            embedded = embed(model, pairs)
            figures += evaluate(model, pairs, prefix=f"{short}_", templates=templates, embedded=embedded)
            consistency = embedded.consistency()
        output.show_text(f"\n{name}: {consistency}\n")
        record[f"{short}_consistency"] = consistency.to_dict()
        if folder is not None:
            (folder / short).mkdir()
            texts = list(dict.fromkeys(row[0] for row in pairs.captions))[:10]
            draw(model, pairs, texts, folder / short)
    output.show_figures(path, figures)
    return with_chance(figures) | record


def _measure_captioner(
    model: Captioner,
    path: str,
    names: dict[str, str],
    folder: Path | None,
    language: str | None,
    limit: int,
    seed: int,
    output: Output,
) -> dict[str, Any]:
    """{data: its figures by the name of the search}."""
    record = {}
    for name, short in names.items():
        pairs = in_language(model, sample(held_out(path, name, output), limit, seed), language)
        with output.status(f"writing about {len(pairs):,} pictures of {name}"):
            captioned = caption_pairs(model, pairs, language)
        output.show(caption_table(name, captioned))
        record[short] = captioned.to_dict()
        if folder is not None:
            draw_captions(model, captioned, language, folder / short)
    return record
