"""CLIP ViT-L/14, 1.7 GB of random weights, from its folder to the first embedding, against transformers on the same folder.

Both in turns, every load in a fresh process, imports left out. The first round is not counted: it brings the file into the system's
cache for both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from peers.environment import peers_python
from processes import in_fresh_process
from report import Row
from sections import Measured, progress

PEER = Path(__file__).parents[1] / "peers" / "clip_checkpoint.py"


def measure(arguments: argparse.Namespace) -> Measured:
    """The full form takes --rounds of each, the short one two."""
    python = peers_python(arguments.peers_python)
    rounds: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
    with tempfile.TemporaryDirectory() as directory:
        folder = arguments.folder or Path(directory, "vit_l_14")
        if arguments.folder is None:
            subprocess.run([str(python), str(PEER), "make", str(folder)], check=True)
        for turn in range((arguments.rounds if arguments.full else 2) + 1):
            for name in sorted(rounds, reverse=bool(turn % 2)):
                figures = in_fresh_process(load, folder)[0] if name == "ours" else _load_by_peer(python, folder)
                progress(f"{name}: {figures['load']:.2f} s to load, {figures['first']:.2f} s to the first embedding")
                if turn:
                    rounds[name].append(figures)
    first, loaded, peak = (
        {name: statistics.median(figures[key] for figures in rounds[name]) for name in rounds}
        for key in ("first", "load", "peak")
    )
    size, who = rounds["ours"][0]["bytes"], "transformers"
    rows = [
        Row("time_ratio", first["ours"] / first["peer"]),
        Row("seconds_to_first_embedding", first["ours"], first["peer"], who, "s"),
        Row("seconds_to_load", loaded["ours"], loaded["peer"], who, "s"),
        Row("peak_memory_ratio", peak["ours"] / size, peak["peer"] / size, who),
    ]
    return rows, {"rounds": rounds}


def load(folder: Path) -> dict[str, float]:
    """Seconds and peak memory of loading a checkpoint and embedding one picture, imports left out."""
    import resource
    import warnings

    import numpy as np

    import mmzoo
    import mmzoo.models
    import mmzoo.pretrained

    warnings.simplefilter("ignore")  # the folder has no tokenizer and no preprocessing
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    model = mmzoo.from_pretrained(folder)
    loaded = time.perf_counter() - started
    model.encode_image(np.full((1, *model.image_size, 3), 127, np.uint8))
    seconds = time.perf_counter() - started
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    size = sum(int(np.prod(weight.shape)) * 4 for weight in model.weights)
    return {"load": loaded, "first": seconds, "peak": peak, "bytes": size}


def _load_by_peer(python: Any, folder: Path) -> dict[str, float]:
    command = [str(python), str(PEER), "load", str(folder)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])
