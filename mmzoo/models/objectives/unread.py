"""Parts of a model that one loss does not look at, such as a pooled vector where tokens are guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops


def unread(*outputs: Mapping[str, Any]) -> Any:
    """One number an example of what the encoders or a fusion gave, masks left out: (B,) float32."""
    tensors = [
        ops.cast(x, "float32") for part in outputs for name, x in sorted(part.items()) if not name.endswith("mask")
    ]
    return sum(ops.mean(ops.reshape(x, (ops.shape(x)[0], -1)), axis=1) for x in tensors)


def unread_loss(*numbers: Any) -> Any:
    """0, whatever the numbers are: what led to them gets a gradient of 0 rather than none, of which TensorFlow would warn."""
    return sum(ops.sum(ops.where(ops.zeros_like(x, dtype="bool"), x, 0.0)) for x in numbers)
