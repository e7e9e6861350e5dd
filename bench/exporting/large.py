"""A model of more than 2.1 GB as ONNX: more than one protobuf file can hold, so its weights go beside it."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from processes import in_fresh_process
from report import Row
from sections import Measured, progress

VOCABULARY, WIDTH, HIDDEN, BLOCKS, LENGTH = 131_072, 2048, 16_384, 5, 16  # 1.07 GB of embeddings, 0.27 GB a block


def measure(arguments: argparse.Namespace) -> Measured | None:
    if not arguments.full:
        progress("the model of 2.1 GB is exported with --full alone")
        return None
    with tempfile.TemporaryDirectory() as temporary:
        found, peak = in_fresh_process(export_large, temporary)
        answers, opening = in_fresh_process(run_large, temporary)
    import numpy as np

    difference = float(np.abs(answers - found["expected"]).max())
    files = found["files"]
    rows = [
        Row("large_weights", found["weights"], unit="bytes"),
        Row("large_external_files", sum(not name.endswith(".onnx") for name in files)),
        Row("large_max_abs_diff", difference),
        Row("large_seconds", found["seconds"], unit="s, verified"),
        Row("large_peak_memory", peak, found["weights"] / 2**30, "the weights alone", "GiB"),
    ]
    return rows, {"large_files": files, "large_running_peak_gib": opening}


def export_large(directory: str) -> dict[str, Any]:
    import mmzoo

    model = build_large()
    expected = model(_tokens(), training=False).numpy()
    started = time.perf_counter()
    manifest = mmzoo.export(model, Path(directory, "bundle"), ("onnx",))
    seconds = time.perf_counter() - started
    (artifact,) = manifest.artifacts
    files = {name: Path(directory, "bundle", name).stat().st_size for name in artifact.paths}
    return {
        "weights": sum(variable.value.numpy().nbytes for variable in model.variables),
        "expected": expected,
        "seconds": seconds,
        "files": files,
    }


def run_large(directory: str) -> Any:
    """The written file on other inputs than export compared it on, in a process that never saw the model."""
    from mmzoo.bundle import Bundle

    bundle = Bundle(Path(directory, "bundle"))
    (spec,), (output,) = (bundle.manifest.parts["model"].inputs, bundle.manifest.parts["model"].outputs)
    return bundle.run("model", "onnx", {spec.name: _tokens()})[output.name]


def build_large() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    tokens = keras.Input((LENGTH,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(VOCABULARY, WIDTH, name="embedding")(tokens)
    for block in range(BLOCKS):
        hidden = keras.layers.LayerNormalization(name=f"norm_{block}")(x)
        hidden = keras.layers.Dense(HIDDEN, activation="relu", name=f"wide_{block}")(hidden)
        x = keras.layers.Add(name=f"add_{block}")([x, keras.layers.Dense(WIDTH, name=f"narrow_{block}")(hidden)])
    pooled = keras.layers.GlobalAveragePooling1D(name="pooling")(x)
    embeds = keras.layers.UnitNormalization(name="embeds")(pooled)
    return keras.Model(tokens, embeds, name="large")


def _tokens() -> Any:
    import numpy as np

    # Synthetic samples of export are 0 or 1, since it knows no range; these reach the whole table.
    return np.random.default_rng(0).integers(0, VOCABULARY, (4, LENGTH)).astype("int32")
