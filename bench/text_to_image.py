"""Measures text-to-image models: does the picture show what the caption says, judged by checkers that took no part in training.

    python bench/text_to_image.py --full --check --json bench/results/text_to_image.json --data FOLDER
    python bench/text_to_image.py --check       judges that file and trains one seed on the shapes again

A training's budget is CPU seconds over two cores, so that what else runs on the machine takes nothing from it. --models keeps what is
trained, and a run that was stopped goes on from there. FOLDER: photographs, as of bench/photos.py.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from drawing import digits, exported, larger, scores, shapes, speed
from sections import run_sections, sections_parser

SECTIONS = {
    **{f"shapes_{seed}": shapes.section(seed) for seed in shapes.SEEDS},
    "shapes": shapes.summary,
    **{f"digits_{seed}": digits.section(seed) for seed in digits.SEEDS},
    "digits": digits.summary,
    **{f"large_{seed}": larger.section(seed) for seed in shapes.SEEDS},
    "large": larger.summary,
    "scores": scores.judged_by_clip,
    "speed": speed.measure,
    "exported": exported.measure,
    "extra": scores.extra_pairs,
    "relation": larger.relation,
    "photos": larger.photos,
}
REPEATED = ("shapes_0", "speed")
"""What --check measures again: one seed takes ten minutes of two cores."""


def main() -> int:
    options = sections_parser(__doc__.splitlines()[0], SECTIONS)
    options.add_argument("--models", type=Path, help="keep trained models in this folder, and go on from those in it")
    options.add_argument("--data", type=Path, help="the folder of photographs")
    options.add_argument("--peers-python", type=Path, help="the interpreter of an environment with bench/peers' needs")
    arguments = options.parse_args()
    if not arguments.full and arguments.only == list(SECTIONS):
        arguments.only = list(REPEATED)
    return run_sections("text_to_image", SECTIONS, arguments)


if __name__ == "__main__":
    sys.exit(main())
