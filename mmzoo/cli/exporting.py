"""What the export commands decide before anything heavy is loaded, and what it takes from the data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.bundle import FORMATS, is_bundle
from mmzoo.bundle.manifest import PRECISIONS
from mmzoo.cli.evaluation import distinct_captions
from mmzoo.metrics import (
    Evaluation,
    class_prompts,
    classification_evaluation,
    retrieval_evaluation,
    zero_shot_evaluation,
)

if TYPE_CHECKING:
    from mmzoo.data import Pairs

CLASSIFIER_PICTURES = 2000
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

    classes = [] if pairs.labels is None else [name.replace("_", " ") for name in pairs.label_names]
    if not classes or not set(classes) <= set(labels):
        return None
    bad = BadPictures()
    images = pairs.arrays(model, bad_pictures=bad)["images"]
    kept = np.setdiff1d(np.arange(len(pairs)), bad.indices)
    numbers = np.array([labels.index(name) for name in classes])
    return classification_evaluation(images, numbers[pairs.labels[kept]])
