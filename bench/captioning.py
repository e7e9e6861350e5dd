"""Measures captioners: captions of pictures that training never showed, judged by what the pictures show.

    python bench/captioning.py --full --check --json bench/results/captioning.json
    python bench/captioning.py --check          judges that file and trains on the digits again

A training's budget is CPU seconds over two cores, so that what else runs on the machine takes nothing from it.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from describing import digits, shapes
from sections import Measured, Section, run_sections, sections_parser


def shapes_section(decoder: str) -> Section:
    def measure(arguments: argparse.Namespace) -> Measured | None:
        return shapes.measure(decoder, arguments) if arguments.full else None

    return measure


SECTIONS = {
    "digits": digits.measure,
    "transformer": shapes_section("transformer"),
    "gru": shapes_section("gru"),
}


def main() -> int:
    options = sections_parser(__doc__.splitlines()[0], SECTIONS)
    return run_sections("captioning", SECTIONS, options.parse_args())


if __name__ == "__main__":
    sys.exit(main())
