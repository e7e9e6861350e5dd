"""Writes positions.npz: position embeddings resized by torch in float64, whose float32 is off by some 1e-6, and their origin.

Run once, in an environment of its own:  pip install torch==2.13.0 numpy && python tests/golden/make_positions.py
"""

from pathlib import Path

import numpy as np
import torch

GRIDS = (
    ((7, 7), (12, 12)),
    ((14, 14), (5, 5)),
    ((4, 6), (9, 3)),
    ((3, 3), (1, 2)),
    ((1, 1), (3, 4)),
    ((16, 16), (15, 17)),
)


def main() -> None:
    torch.manual_seed(0)
    arrays = {}
    for number, (old, new) in enumerate(GRIDS):
        grid = torch.randn(*old, 3, dtype=torch.float64)
        resized = torch.nn.functional.interpolate(
            grid.permute(2, 0, 1)[None], size=new, mode="bicubic", antialias=True, align_corners=False
        )
        arrays[f"old_{number}"] = grid.numpy()
        arrays[f"new_{number}"] = resized[0].permute(1, 2, 0).numpy()
    np.savez_compressed(Path(__file__).with_name("positions.npz"), **arrays)


if __name__ == "__main__":
    main()
