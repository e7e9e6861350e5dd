"""Measures fusion: every way to make one of a picture and a text, on tasks that neither decides alone.

    python bench/fusion.py --full --check --json bench/results/fusion.json
    python bench/fusion.py --check              judges that file and trains one cell of each task again

A training's budget is CPU seconds over two cores, so that what else runs on the machine takes nothing from it.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from fusing import relation, tasks
from sections import run_sections, sections_parser

SECTIONS = {
    "sentiment": partial(tasks.measure, "sentiment"),
    "digits": partial(tasks.measure, "digits"),
    "relation": relation.measure,
}


def main() -> int:
    options = sections_parser(__doc__.splitlines()[0], SECTIONS)
    return run_sections("fusion", SECTIONS, options.parse_args())


if __name__ == "__main__":
    sys.exit(main())
