"""Measures export: its speed, the artifacts' latency, size and quality, and that nothing is lost on the way.

    python bench/export.py --full --check --data FOLDER --json bench/results/export.json
    python bench/export.py --check              judges that file and repeats a shorter form of what it can

Peers run in a virtual environment of their own, .venv-peers, which is made when it is first needed. FOLDER holds photographs
as bench/photos.py takes them; without --model FILE.keras a model is trained on them first.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from exporting import large, latency, quality, speed, threads, tokens
from sections import run_sections, sections_parser

SECTIONS = {
    "export": speed.measure,
    "latency": latency.measure,
    "quality": quality.measure,
    "big": large.measure,
    "tokens": tokens.measure,
    "threads": threads.measure,
}


def main() -> int:
    options = sections_parser(__doc__.splitlines()[0], SECTIONS)
    options.add_argument(
        "--rounds", type=int, default=2, help="of exporting a full-size model, ours and Keras's in turns"
    )
    options.add_argument("--data", type=Path, help="the folder of photographs, for quality")
    options.add_argument("--model", type=Path, help="a model that bench/photos.py trained on them")
    options.add_argument("--peers-python", type=Path, help="the interpreter of an environment with bench/peers' needs")
    return run_sections("export", SECTIONS, options.parse_args())


if __name__ == "__main__":
    sys.exit(main())
