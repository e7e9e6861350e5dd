"""The commands that write text: caption and ask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmzoo.cli.exports import ModelOption
from mmzoo.cli.output import JsonFlag, Output, table_of
from mmzoo.cli.runs import check_model, load_model, start_keras

if TYPE_CHECKING:
    from mmzoo.models import Captioner

Beams = Annotated[int, typer.Option(min=1, help="Texts that the search keeps at a time; 1 is greedy.")]
MaxTokens = Annotated[
    int | None, typer.Option(min=1, help="The most tokens of a text, its end included; default what there is room for.")
]


def caption(
    images: Annotated[list[Path], typer.Argument(help="Picture files.", show_default=False)],
    model: ModelOption,
    beams: Beams = 4,
    language: Annotated[str | None, typer.Option(help="A language tag of the model's tokenizer, such as en.")] = None,
    prefix: Annotated[str | None, typer.Option(help="What each caption begins with.")] = None,
    max_tokens: MaxTokens = None,
    json: JsonFlag = False,
) -> None:
    """Write a caption about each picture, with its log-probability.

    A picture that cannot be read is named, the others are captioned all the
    same, and the exit status is 1.
    """
    _check_files(images)
    check_model(model)
    start_keras()
    writer = _check_captioner(load_model(model), model, reads=False)
    pictures, unread = _read(writer, images)
    options: dict[str, Any] = {"language": language, "prefix": prefix, "max_tokens": max_tokens}
    found = _generate(writer, [picture for _, picture in pictures], None, beams, options)
    records = [_record(path, each) for (path, _), each in zip(pictures, found, strict=True)]
    _show(records, Output(json))
    if unread:
        raise ValueError(f"{len(unread)} of {len(images)} pictures could not be read: {'; '.join(unread)}")


def ask(
    image: Annotated[Path, typer.Argument(help="A picture file.", show_default=False)],
    question: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    model: ModelOption,
    beams: Beams = 4,
    max_tokens: MaxTokens = None,
    json: JsonFlag = False,
) -> None:
    """Answer a question about a picture.

    A captioner with a text encoder writes its answer; a classifier built with
    build_vqa chooses one of its answers.
    """
    _check_files([image])
    check_model(model)
    start_keras()
    from mmzoo.models import Classifier

    output = Output(json)
    answerer = load_model(model)
    if isinstance(answerer, Classifier):
        pictures, unread = _read(answerer, [image])
        _refuse(unread)
        (answer,) = answerer.classify(_stacked([picture for _, picture in pictures]), [question])
        record = {"image": str(image), "question": question, "answer": answer}
        output.show(str(answer))
    else:
        writer = _check_captioner(answerer, model, reads=True)
        pictures, unread = _read(writer, [image])
        _refuse(unread)
        (found,) = _generate(writer, [pictures[0][1]], [question], beams, {"max_tokens": max_tokens})
        record = {"image": str(image), "question": question, "answer": found.text}
        record["log_probability"] = found.log_probability
        output.show(found.text)
    output.print_json(record)


def _check_files(images: list[Path]) -> None:
    """Raises FileNotFoundError before anything heavy is loaded."""
    if missing := [str(path) for path in images if not path.is_file()]:
        raise FileNotFoundError(f"IMAGE must be a picture file, received {', '.join(missing)}, which does not exist")


def _check_captioner(model: Any, path: str, *, reads: bool) -> Captioner:
    """A captioner that reads questions, or one that does not. Raises ValueError for another model, or one without tokenizer."""
    from mmzoo.models import Captioner

    wanted = "a captioner with a text encoder, or a classifier," if reads else "a captioner without a text encoder"
    if not isinstance(model, Captioner) or (model.text_encoder is not None) != reads:
        raise ValueError(f"--model must be {wanted} for this, received {path} with a {type(model).__name__}")
    if model.tokenizer is None:
        raise ValueError(f"--model must be a captioner with its tokenizer, received {path} with one that has none")
    return model


def _read(model: Any, images: list[Path]) -> tuple[list[tuple[Path, Any]], list[str]]:
    """The pictures as the model takes them, and what is wrong with those that cannot be read."""
    from mmzoo.data import UnreadableImage, resize, safe_decode

    pictures, unread = [], []
    for path in images:
        try:
            pictures.append((path, resize(safe_decode(path), model.image_preprocessing)))
        except UnreadableImage as error:
            unread.append(str(error))
    if not pictures:
        _refuse(unread)
    return pictures, unread


def _refuse(unread: list[str]) -> None:
    if unread:
        raise ValueError(f"no picture could be read: {'; '.join(unread)}")


def _stacked(pictures: list[Any]) -> Any:
    import numpy as np

    return np.stack(pictures)


def _generate(
    model: Captioner, pictures: list[Any], questions: list[str] | None, beams: int, options: dict[str, Any]
) -> list[Any]:
    search = {"strategy": "beam", "num_beams": beams} if beams > 1 else {"strategy": "greedy"}
    return model.generate(_stacked(pictures), questions, **search, **options)


def _record(path: Path, found: Any) -> dict[str, Any]:
    return {"image": str(path), "caption": found.text, "log_probability": found.log_probability}


def _show(records: list[dict[str, Any]], output: Output) -> None:
    table = table_of("picture", "caption", "log-probability")
    for record in records:
        table.add_row(record["image"], record["caption"], f"{record['log_probability']:.2f}")
    output.show(table)
    output.print_json({"captions": records})
