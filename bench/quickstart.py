"""Runs `mmzoo quickstart` as a user does, in an empty directory, and measures the time and what the model has learned.

    python bench/quickstart.py --check --json bench/results/quickstart.json

The peer for accuracy is scikit-learn's nearest neighbour on the pixels of the same training pictures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from report import Row, finish, parser


def main() -> int:
    arguments = parser(__doc__.splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory() as directory:
        command = [str(Path(sys.executable).with_name("mmzoo")), "quickstart", "--seed", str(arguments.seed)]
        started = time.perf_counter()
        subprocess.run(command, cwd=directory, check=True)
        seconds = time.perf_counter() - started
        manifest = json.loads(Path(directory, "exports/quickstart/manifest.json").read_text(encoding="utf-8"))
    figures = manifest["metrics"]
    artifacts = manifest["artifacts"]
    rows = [
        Row("wall_seconds", seconds, unit="s"),
        Row("digits_zero_shot_top1", figures["digits_zero_shot_top1"], *nearest_neighbour("digits", "test")),
        Row("shapes_zero_shot_top1", figures["shapes_zero_shot_top1"], *nearest_neighbour("shapes", "test")),
        Row(
            "shapes_held_out_zero_shot_top1", figures["shapes_held_out_zero_shot_top1"], 0.0, "nearest neighbour cannot"
        ),
        Row("artifacts", len(artifacts)),
        Row("largest_difference", max(artifact["max_abs_diff"] for artifact in artifacts)),
        Row("smallest_cosine", min(artifact["min_cosine"] for artifact in artifacts)),
    ]
    return finish("quickstart", rows, arguments)


def nearest_neighbour(name: str, split: str) -> tuple[float, str]:
    from sklearn.neighbors import KNeighborsClassifier

    from mmzoo import data

    train, test = (
        (data.digits("train"), data.digits(split))
        if name == "digits"
        else (data.shapes(4000), data.shapes(1000, split))
    )
    model = KNeighborsClassifier(1).fit(train.images.reshape(len(train), -1), train.labels)
    return float(model.score(test.images.reshape(len(test), -1), test.labels)), "nearest neighbour on pixels"


if __name__ == "__main__":
    sys.exit(main())
