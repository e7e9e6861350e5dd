"""The exported shapes model: how many pixels are within a level of the model's, and what a picture takes in each runtime."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from drawing.scores import painter
from report import Row
from sections import Measured, progress

DRAWN, BATCH = 500, 16
LATENCY_BATCHES, THREADS = (1, 16), 2
FORMATS = ("saved_model", "tflite", "onnx")
PRECISIONS = ("fp32", "fp16", "int8")
PART = "text_to_image"


def measure(arguments: argparse.Namespace) -> Measured | None:
    """Token ids and noise in, uint8 pictures out, against the Keras model's; and its latency, two threads."""
    import numpy as np

    import mmzoo
    from mmzoo import bundle, data
    from mmzoo.models.text_to_image.generation import drawn_noise

    if not arguments.full:
        return None
    model = painter(arguments)
    texts = [row[0] for row in data.shapes(DRAWN, "test", seed=5, languages=("en",)).captions]
    wanted = model.generate(texts, seed=0).astype(int)
    inputs = {
        "token_ids": np.asarray(model.tokenizer(texts, model.context_length), np.int32),
        "noise": drawn_noise(DRAWN, model.noise_dim, 0, None),
    }
    samples = {name: values[:64] for name, values in inputs.items()}
    rows, details = [], {}
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "painter"
        mmzoo.export(model, directory, FORMATS, quantize=("fp16", "int8"), samples=samples, raw=False)
        whole = bundle.Bundle(directory)
        for precision in PRECISIONS:
            for format in FORMATS if precision == "fp32" else FORMATS[1:]:
                parts = [
                    whole.run(
                        PART,
                        format,
                        {name: x[start : start + BATCH] for name, x in inputs.items()},
                        precision=precision,
                    )
                    for start in range(0, DRAWN, BATCH)
                ]
                apart = np.abs(np.concatenate([part["images"] for part in parts]).astype(int) - wanted)
                name = f"exported_{format}_{precision}"
                rows.append(Row(f"{name}_within_1_level", float((apart <= 1).mean())))
                details[name] = {"mean_levels": float(apart.mean()), "max_levels": int(apart.max())}
                progress(f"{name}: {rows[-1].ours:.6f}, {details[name]}")
        measured = bundle.measure(directory, parts=(PART,), batches=LATENCY_BATCHES, threads=(THREADS,))
        for each in measured.artifacts:
            for timing in each.timings:
                name = f"latency_{each.artifact.format}_{each.artifact.precision}_batch_{timing.batch}"
                rows.append(Row(name, 1000 * timing.p50 / timing.batch, unit="ms a picture"))
    return rows, {"exported": details, "drawn": DRAWN, "threads": THREADS}
