"""The command that draws: generate."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmzoo.atomic import whole_file
from mmzoo.cli.exports import ModelOption
from mmzoo.cli.output import JsonFlag, Output
from mmzoo.cli.runs import check_model, load_clip, load_model, start_keras

if TYPE_CHECKING:
    from mmzoo.models import TextToImage


def generate(
    captions: Annotated[list[str], typer.Argument(help="What to draw.", show_default=False)],
    model: ModelOption,
    out: Annotated[Path, typer.Option(help="The PNG file; replaced if it exists.")],
    n: Annotated[int, typer.Option("--n", min=1, help="Pictures of each caption.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same pictures.")] = 0,
    truncation: Annotated[
        float | None,
        typer.Option(help="Draw noise further from 0 again: pictures nearer to the usual, and less different."),
    ] = None,
    best_of: Annotated[int, typer.Option(min=1, help="Draw so many for each picture and keep what --judge likes.")] = 1,
    judge: Annotated[str | None, typer.Option(help="The CLIP that chooses, as --model.", show_default=False)] = None,
    json: JsonFlag = False,
) -> None:
    """Draw pictures of captions into one PNG file: a row a caption; one caption alone fills a square."""
    _check_choices(captions, out, best_of, judge)
    check_model(model)
    start_keras()
    painter = _check_painter(load_model(model), model)
    chooser = None if judge is None else load_clip(judge, "--judge")[0]
    asked = [caption for caption in captions for _ in range(n)]
    options: dict[str, Any] = {"seed": seed, "truncation": truncation, "candidates": best_of, "judge": chooser}
    pictures = painter.generate(asked, **options)

    from PIL import Image

    from mmzoo.training.sample_grid import picture_grid

    png = io.BytesIO()
    Image.fromarray(picture_grid(pictures, n if len(captions) > 1 else math.ceil(math.sqrt(n)))).save(png, "PNG")
    with whole_file(out) as partial:
        partial.write_bytes(png.getvalue())
    output = Output(json)
    output.show(f"{len(pictures)} pictures: {out}")
    output.print_json({"captions": captions, "pictures": len(pictures), "out": str(out)})


def _check_choices(captions: list[str], out: Path, best_of: int, judge: str | None) -> None:
    """Raises ValueError or FileNotFoundError before anything heavy is loaded."""
    if any(not caption.strip() for caption in captions):
        raise ValueError(f"CAPTIONS must say something, received {captions}")
    if out.suffix.lower() != ".png":
        raise ValueError(f"--out must be a .png file, received {out}")
    if not out.absolute().parent.is_dir() or out.is_dir():
        raise FileNotFoundError(f"--out must be a file in a directory that exists, received {out}")
    if (best_of > 1) != (judge is not None):
        raise ValueError(f"--best-of and --judge must go together, received --best-of {best_of} and --judge {judge}")
    if judge is not None:
        check_model(judge)


def _check_painter(model: Any, path: str) -> TextToImage:
    """Raises ValueError for another model than a text-to-image one, or one without its tokenizer."""
    from mmzoo.models import TextToImage

    if not isinstance(model, TextToImage):
        raise ValueError(f"--model must be a text-to-image model, received {path} with a {type(model).__name__}")
    if model.tokenizer is None:
        raise ValueError(f"--model must be a model with its tokenizer, received {path} with one that has none")
    return model
