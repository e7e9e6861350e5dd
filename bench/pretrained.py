"""Measures loading a checkpoint: CLIP ViT-L/14, 1.7 GB of random weights, from the folder to the first embedding.

    python bench/pretrained.py --check --json bench/results/pretrained.json

The peer is transformers' CLIPModel.from_pretrained on the same folder, in the peers' environment, in turns with ours; every load
is a fresh process, imports left out. The file is read once before, so that both find it in the system's cache.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from peers.environment import peers_python
from report import Row, finish, parser

PEER = Path(__file__).parent / "peers" / "clip_checkpoint.py"


def main() -> int:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5, help="loads of each, in turns")
    options.add_argument("--peers-python", type=Path, help="the interpreter of an environment with bench/peers' needs")
    options.add_argument("--folder", type=Path, help="a checkpoint of transformers' CLIP instead of one made here")
    options.add_argument("--load", type=Path, help="load this folder once and print the figures; what each round runs")
    arguments = options.parse_args()
    if arguments.load:
        print(json.dumps(load(arguments.load)))
        return 0
    python = peers_python(arguments.peers_python)
    with tempfile.TemporaryDirectory() as directory:
        folder = arguments.folder or Path(directory, "vit_l_14")
        if arguments.folder is None:
            run([python, PEER, "make", folder])
        rounds: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
        commands = {"ours": [sys.executable, __file__, "--load", folder], "peer": [python, PEER, "load", folder]}
        for turn in range(arguments.rounds + 1):
            for name in sorted(commands, reverse=bool(turn % 2)):
                figures = json.loads(run(commands[name]).splitlines()[-1])
                print(
                    f"{name}: {figures['load']:.2f} s to load, {figures['first']:.2f} s to the first embedding",
                    flush=True,
                )
                if turn:  # the first round reads the file into the system's cache
                    rounds[name].append(figures)
    who = "transformers"
    first, loaded, peak = (
        {name: statistics.median(figures[key] for figures in rounds[name]) for name in rounds}
        for key in ("first", "load", "peak")
    )
    size = rounds["ours"][0]["bytes"]
    rows = [
        Row("time_ratio", first["ours"] / first["peer"]),
        Row("seconds_to_first_embedding", first["ours"], first["peer"], who, "s"),
        Row("seconds_to_load", loaded["ours"], loaded["peer"], who, "s"),
        Row("peak_memory_ratio", peak["ours"] / size, peak["peer"] / size, who),
    ]
    return finish("pretrained", rows, arguments, rounds=rounds)


def load(folder: Path) -> dict[str, Any]:
    """Seconds and peak memory of loading a checkpoint and embedding one picture."""
    import resource

    import numpy as np

    import mmzoo
    import mmzoo.pretrained  # not the import is measured

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    import warnings

    warnings.simplefilter("ignore")  # the folder has no tokenizer and no preprocessing, on purpose
    started = time.perf_counter()
    model = mmzoo.from_pretrained(folder)
    loaded = time.perf_counter() - started
    model.encode_image(np.full((1, *model.image_size, 3), 127, np.uint8))
    seconds = time.perf_counter() - started
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    size = sum(int(np.prod(weight.shape)) * 4 for weight in model.weights)
    return {"load": loaded, "first": seconds, "peak": peak, "bytes": size}


def run(command: list[Any]) -> str:
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
