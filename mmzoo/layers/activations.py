"""The activations of published transformers, in forms that every export format knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("mmzoo")
def gelu(x: Any) -> Any:
    """Exact GELU, x * Phi(x) (arXiv:1606.08415, section 2), through erf: Keras's own form uses Erfc, which ONNX does not have."""
    return 0.5 * x * (1.0 + ops.erf(x * 0.7071067811865476))


@keras.saving.register_keras_serializable("mmzoo")
def gelu_tanh(x: Any) -> Any:
    """GELU by its tanh approximation (arXiv:1606.08415, section 2), as SigLIP and GPT-2 use it."""
    return keras.activations.gelu(x, approximate=True)


@keras.saving.register_keras_serializable("mmzoo")
def quick_gelu(x: Any) -> Any:
    """GELU by its sigmoid approximation, x * sigmoid(1.702 x) (arXiv:1606.08415, section 2), as OpenAI's CLIP uses it."""
    return x * ops.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"gelu": gelu, "gelu_tanh": gelu_tanh, "quick_gelu": quick_gelu}


def get_activation(name: str) -> Callable[[Any], Any]:
    """Returns the activation of that name. Raises ValueError for any other name: a silent mismatch ruins a checkpoint."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, received {name!r}")
    return ACTIVATIONS[name]
