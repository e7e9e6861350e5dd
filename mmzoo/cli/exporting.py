"""What the export command decides before anything heavy is loaded, and what it takes from the data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.bundle import FORMATS, is_bundle
from mmzoo.bundle.manifest import PRECISIONS
from mmzoo.cli.evaluation import distinct_captions
from mmzoo.metrics import Evaluation, class_prompts, retrieval_evaluation, zero_shot_evaluation

if TYPE_CHECKING:
    from mmzoo.data import Pairs

GATE_PICTURES = 2000  # one answer is then half of what the strictest gate, a tenth of a point, lets go


def checked_choices(formats: str, quantize: str | None, layout: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The formats and the precisions beside fp32 of the comma-separated options.

    Raises ValueError for an unknown one, and for choices that nothing would come of.
    """
    chosen = _words("--formats", formats, FORMATS)
    precisions = () if quantize is None else _words("--quantize", quantize, PRECISIONS[1:])
    if layout not in (None, "triton"):
        raise ValueError(f"--layout must be triton, received {layout!r}")
    if layout and "onnx" not in chosen:
        raise ValueError(f"--layout triton must go with the format onnx, received --formats {formats}")
    if precisions and not {"tflite", "onnx"} & set(chosen):
        raise ValueError(f"--quantize must go with the format tflite or onnx, received --formats {formats}")
    return chosen, precisions


def _words(option: str, text: str, allowed: Sequence[str]) -> tuple[str, ...]:
    values = tuple(value.strip() for value in text.split(","))
    if unknown := [value for value in values if value not in allowed]:
        raise ValueError(f"{option} must be {' or '.join(allowed)}, several with commas, received {unknown[0]!r}")
    return values


def check_target(out: Path, overwrite: bool) -> None:
    """Raises FileExistsError now where export would after minutes."""
    if not os.path.lexists(out):
        return
    if not overwrite:
        raise FileExistsError(f"--out must not exist yet, received {out}: --overwrite replaces an earlier bundle")
    if not is_bundle(out):
        raise FileExistsError(f"--out must be an earlier bundle and nothing else for --overwrite, received {out}")


def read_samples_file(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name.

    Raises FileNotFoundError where there is none, ValueError where it is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"--samples must be an .npz file, found nothing at {path}")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except Exception as error:  # a damaged zip raises whatever its decoder meets first; a .npy file has no names
        raise ValueError(f"--samples must be an .npz file with an array for each input, received {path}") from error


def gate_evaluation(model: Any, pairs: Pairs) -> Evaluation:
    """What a quantized file must not lose: zero-shot accuracy where the pictures have classes, else Recall@1 both ways."""
    from mmzoo.data import BadPictures

    bad = BadPictures()
    images = pairs.arrays(model, bad_pictures=bad)["images"]
    kept = np.setdiff1d(np.arange(len(pairs)), bad.indices)
    if pairs.labels is not None:
        prompts = class_prompts([name.replace("_", " ") for name in pairs.label_names], pairs.templates)
        token_ids = model.tokenizer(prompts, model.context_length)
        return zero_shot_evaluation(images, pairs.labels[kept], token_ids, len(pairs.templates))
    captions, positives = distinct_captions(pairs, kept)
    return retrieval_evaluation(images, model.tokenizer(captions, model.context_length), positives)
