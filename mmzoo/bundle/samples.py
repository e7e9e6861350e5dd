"""samples.npz: the inputs a bundle was proven with, and the answers it must give to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmzoo.bundle.manifest import PartEntry

SAMPLES = "samples.npz"
BATCH = 32


@dataclass(frozen=True)
class Golden:
    """One part's sample inputs and the Keras model's outputs for them, each array (samples, ...)."""

    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]

    @property
    def count(self) -> int:
        """How many samples these are."""
        return len(next(iter(self.inputs.values())))

    def batches(self) -> Iterator[np.ndarray]:
        """Row numbers of batches of 3, 1, 32, 32, ...; fewer than 4 samples are repeated.

        A batch axis frozen at conversion shows at 3 or at 1. Whoever compares uses these, since files that quantize their
        activations have one scale for a batch.
        """
        rows = np.arange(max(self.count, 4)) % self.count
        yield rows[:3]
        yield rows[3:4]
        for start in range(4, self.count, BATCH):
            yield rows[start : start + BATCH]


def write_samples(goldens: Mapping[str, Golden], directory: str | Path) -> None:
    """Writes samples.npz with the arrays PART/inputs/NAME and PART/outputs/NAME."""
    arrays = {
        f"{part}/{side}/{name}": array
        for part, golden in goldens.items()
        for side, named in (("inputs", golden.inputs), ("outputs", golden.outputs))
        for name, array in named.items()
    }
    np.savez_compressed(Path(directory) / SAMPLES, allow_pickle=False, **arrays)


def read_samples(directory: str | Path, parts: Mapping[str, PartEntry]) -> dict[str, Golden]:
    """Reads samples.npz for the parts of a manifest.

    Raises FileNotFoundError where there is none, ValueError where it cannot be read or lacks an array of a part.
    """
    path = Path(directory) / SAMPLES
    if not path.is_file():
        raise FileNotFoundError(f"a bundle must have {SAMPLES}, found none in {directory}")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {
                name: Golden(
                    {spec.name: arrays[f"{name}/inputs/{spec.name}"] for spec in part.inputs},
                    {spec.name: arrays[f"{name}/outputs/{spec.name}"] for spec in part.outputs},
                )
                for name, part in parts.items()
            }
    except Exception as error:  # a damaged zip raises whatever its decoder meets first
        raise ValueError(f"{SAMPLES} must hold every part's inputs and outputs: {error}") from error
