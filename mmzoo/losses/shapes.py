"""What a loss asks of its tensors before it computes: shapes that merely broadcast would give a number, and the wrong one."""

from __future__ import annotations

from typing import Any


def check_shape(name: str, tensor: Any, expected: tuple[int | None, ...]) -> None:
    """Refuses a tensor of another shape; a length that is None on either side is not known yet and fits.

    Raises ValueError, which names the tensor and both shapes.
    """
    received = tuple(tensor.shape)
    fits = len(received) == len(expected) and all(
        a is None or b is None or a == b for a, b in zip(received, expected, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} must have shape {expected}, received {received}")
