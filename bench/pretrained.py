"""Measures checkpoints and foreign towers: how fast a checkpoint loads, and what ResNet50 and BERT learn together.

    python bench/pretrained.py --full --check --json bench/results/pretrained.json
    python bench/pretrained.py --check          judges that file and repeats shorter forms

Peers run in a virtual environment of their own, .venv-peers, which is made when it is first needed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from checkpoints import loading, pair
from sections import run_sections, sections_parser

SECTIONS = {"loading": loading.measure, "pair": pair.measure}


def main() -> int:
    options = sections_parser(__doc__.splitlines()[0], SECTIONS)
    options.add_argument("--rounds", type=int, default=5, help="loads of each, in turns")
    options.add_argument("--peers-python", type=Path, help="the interpreter of an environment with bench/peers' needs")
    options.add_argument("--folder", type=Path, help="a checkpoint of transformers' CLIP instead of one made here")
    return run_sections("pretrained", SECTIONS, options.parse_args())


if __name__ == "__main__":
    sys.exit(main())
