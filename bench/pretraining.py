"""Measures pre-training: what each objective learns, matching without labels, and what it is worth where labels are few.

    python bench/pretraining.py --full --check --json bench/results/pretraining.json
    python bench/pretraining.py --check         judges that file, and measures the objectives and the matching again

A training's budget is CPU seconds over two cores, so that what else runs on the machine takes nothing from it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from sections import run_sections, sections_parser
from unlabelled import few_labels, matching, objectives

SECTIONS = {
    "objectives": objectives.measure,
    "matching": matching.measure,
    "few_labels": few_labels.measure,
}


def main() -> int:
    options = sections_parser(__doc__.splitlines()[0], SECTIONS)
    return run_sections("pretraining", SECTIONS, options.parse_args())


if __name__ == "__main__":
    sys.exit(main())
