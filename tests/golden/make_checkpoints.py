"""Writes checkpoints/: folders of tiny models as transformers and open_clip save them, with their inputs and outputs.

Run in the peers' environment (bench/peers/environment.py makes it):
    .venv-peers/bin/python tests/golden/make_checkpoints.py
The models are those of tests/parity/ that are small.
"""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "parity"))

from checkpoints import write  # noqa: E402
from models import CHECKPOINTS  # noqa: E402

if __name__ == "__main__":
    folder = HERE / "checkpoints"
    shutil.rmtree(folder, ignore_errors=True)
    for name, checkpoint in CHECKPOINTS.items():
        if checkpoint.is_golden:
            write(checkpoint, folder / name)
