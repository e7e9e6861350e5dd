"""Measures how fast a captioner writes: tokens a second against transformers, and whether the last tokens cost more than the first.

    python bench/decoding.py --full --check --json bench/results/decoding.json
    python bench/decoding.py --check            judges that file and repeats a shorter form

The peer runs in a virtual environment of its own, .venv-peers, which is made when it is first needed. On a busy machine torch's
threads wait for one another, and its figures say nothing: load_before in the JSON file is what ran before.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from sections import run_sections, sections_parser
from writing import cache, rate

SECTIONS = {"rate": rate.measure, "cache": cache.measure}


def main() -> int:
    options = sections_parser(__doc__.splitlines()[0], SECTIONS)
    options.add_argument("--peers-python", type=Path, help="the interpreter of an environment with bench/peers' needs")
    return run_sections("decoding", SECTIONS, options.parse_args())


if __name__ == "__main__":
    sys.exit(main())
