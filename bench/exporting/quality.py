"""What each precision costs a trained model, on photographs it never saw: accuracy, recall, and how far embeddings move.

The model is one that bench/photos.py trained; its test photographs are all used, and both towers run in the same precision.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from processes import in_fresh_process
from report import HERE, Row
from sections import Measured, progress

POINTS = 100.0


def measure(arguments: argparse.Namespace) -> Measured | None:
    if arguments.data is None or not (arguments.full or arguments.model):
        progress("quality is not measured: it needs --data FOLDER of photographs, and --full or --model FILE")
        return None
    with tempfile.TemporaryDirectory() as temporary:
        model = arguments.model
        if model is None:
            model = Path(temporary, "photos.keras")
            command = [sys.executable, str(HERE / "photos.py"), "--data", str(arguments.data), "--save", str(model)]
            subprocess.run(command, check=True)
        figures, _ = in_fresh_process(figures_of, str(model), str(arguments.data), temporary)
    reference = figures.pop("keras")
    for name, row in figures.items():
        progress(f"{name}: {', '.join(f'{key} {value:.6g}' for key, value in row.items())}")
    return _rows(reference, figures), {"keras": reference, "precisions": figures}


def figures_of(model_path: str, data: str, temporary: str) -> dict[str, dict[str, float]]:
    """Of the Keras model ("keras") and of each format and precision ("onnx int8")."""
    import numpy as np
    from photos import CAPTIONS

    import mmzoo
    from mmzoo.bundle import Bundle

    model = mmzoo.load(model_path)
    names = [line.strip() for line in Path(data, "classes.txt").read_text().splitlines() if line.strip()]
    pairs = mmzoo.data.folder(
        data, pattern="test-*.tar", class_names=names, labels_from_captions=True, templates=CAPTIONS
    )
    images = pairs.arrays(model)["images"].astype("uint8")
    prompts = [caption.format(name.replace("_", " ")) for name in names for caption in CAPTIONS]
    token_ids = model.tokenizer(prompts, model.context_length)
    few = np.linspace(0, len(images) - 1, 60).astype(int)  # one for each prompt: samples have one length
    samples = {"images": images[few], "token_ids": token_ids}
    mmzoo.export(model, Path(temporary, "bundle"), quantize=("int8", "fp16"), samples=samples, raw=False)
    progress("the trained model is exported")

    keras = (model.encode_image(images), model.encode_text(token_ids))
    figures = {"keras": scores(*keras, pairs.labels)}
    bundle = Bundle(Path(temporary, "bundle"))
    for format, precision in sorted({(a.format, a.precision) for a in bundle.manifest.artifacts}):
        embeds = tuple(
            _run(bundle, part, format, precision, inputs) for part, inputs in (("image", images), ("text", token_ids))
        )
        changes = {
            "max_abs_diff": max(float(np.abs(a - b).max()) for a, b in zip(embeds, keras, strict=True)),
            "min_cosine": min(smallest_cosine(a, b) for a, b in zip(embeds, keras, strict=True)),
            "largest_norm_error": max(float(np.abs(np.linalg.norm(a, axis=1) - 1).max()) for a in embeds),
            **margins(embeds[0], keras[0]),
        }
        figures[f"{format} {precision}"] = scores(*embeds, pairs.labels) | changes
    return figures


def _run(bundle: Any, part: str, format: str, precision: str, array: Any) -> Any:
    import numpy as np

    (spec,) = bundle.manifest.parts[part].inputs
    (output,) = bundle.manifest.parts[part].outputs
    batches = [array[start : start + 100] for start in range(0, len(array), 100)]
    run = [bundle.run(part, format, {spec.name: batch}, precision=precision)[output.name] for batch in batches]
    return np.concatenate(run)


def smallest_cosine(a: Any, b: Any) -> float:
    """The smallest cosine of a row with its own; a half-precision row may have another norm than 1."""
    import numpy as np

    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def scores(image_embeds: Any, text_embeds: Any, labels: Any) -> dict[str, float]:
    """Zero-shot top-1 over the classes; Recall@10 from a picture to the prompts, of which its class's are right, and back."""
    import numpy as np
    from photos import CAPTIONS

    from mmzoo.metrics import retrieval_report_from_embeds, zero_shot_accuracy

    owners = np.repeat(np.arange(labels.max() + 1), len(CAPTIONS))
    classes = text_embeds.reshape(-1, len(CAPTIONS), text_embeds.shape[1]).mean(1)
    classes /= np.linalg.norm(classes, axis=1, keepdims=True)
    recall = retrieval_report_from_embeds(image_embeds, text_embeds, labels[:, None] == owners[None], ks=(1, 10))
    report = recall.to_dict()
    return {
        "zero_shot_top1": zero_shot_accuracy(image_embeds, classes, labels).figures[0].value,
        **{name: report[name] for name in ("recall@1_i2t", "recall@10_i2t", "recall@10_t2i")},
    }


def margins(embeds: Any, keras: Any) -> dict[str, float]:
    """A picture's cosine with its own Keras embedding, less that with the nearest other picture's; equal pictures count."""
    import numpy as np

    similarity = embeds @ keras.T
    own = np.diag(similarity).copy()
    np.fill_diagonal(similarity, -2)
    margin = own - similarity.max(1)
    return {
        "smallest_margin": float(margin.min()),
        "median_margin": float(np.median(margin)),
        "nearest_is_itself": float(np.mean(margin > 0)),
    }


def _rows(keras: dict[str, float], figures: dict[str, dict[str, float]]) -> list[Row]:
    rows = [
        Row("fp32_max_abs_diff", max(row["max_abs_diff"] for name, row in figures.items() if name.endswith("fp32")))
    ]
    for format in ("onnx", "tflite"):
        for precision in ("int8", "fp16"):
            row, name = figures[f"{format} {precision}"], f"{format}_{precision}"
            top1, recall = (
                [POINTS * abs(row[key] - keras[key]) for key in keys]
                for keys in (["zero_shot_top1"], ["recall@10_i2t", "recall@10_t2i"])
            )
            rows += [
                Row(f"{name}_zero_shot_change", max(top1), unit="points"),
                Row(f"{name}_recall10_change", max(recall), unit="points, the larger of both ways"),
                Row(f"{name}_min_cosine", row["min_cosine"]),
                Row(f"{name}_smallest_margin", row["smallest_margin"], unit="to the nearest other picture"),
            ]
    return [Row("keras_zero_shot_top1", keras["zero_shot_top1"]), *rows]
