"""What goes into a tensor program and what comes out: plain data shared by models, exporters and bundles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TensorSpec:
    """One named tensor: shape with None for a free axis, dtype name, and the range its values are drawn from, if it has one."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    range: tuple[float, float] | None = None

    @property
    def described_shape(self) -> str:
        """For a person: "(batch, 224, 224, 3)"."""
        return f"({', '.join(['batch', *('any' if side is None else str(side) for side in self.shape[1:])])})"


@dataclass(frozen=True)
class Part:
    """A Keras model that is exported on its own, with its inputs as the artifact declares them.

    The declared dtype may be narrower than the Keras input (uint8 pictures for a float32 input); exporters cast.
    """

    model: Any
    inputs: tuple[TensorSpec, ...]
