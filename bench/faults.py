"""Kills exports, fills their disks and flips bits in bundles, and counts what is lost.

python bench/faults.py --full --check --json bench/results/faults.json
python bench/faults.py --check              judges that file and repeats a shorter form
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from faulting import disk, flips, kills
from sections import run_sections, sections_parser

SECTIONS = {"kills": kills.measure, "disk": disk.measure, "flips": flips.measure}


def main() -> int:
    options = sections_parser(__doc__.splitlines()[0], SECTIONS)
    options.add_argument("--workers", type=int, default=2, help="exports that are killed side by side")
    return run_sections("faults", SECTIONS, options.parse_args())


if __name__ == "__main__":
    sys.exit(main())
