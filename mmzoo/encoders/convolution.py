"""A convolution as residual networks have it: padded on both sides, normalised, activated."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.layers.activations import ACTIVATIONS

CONVOLUTION_ACTIVATIONS = ("relu", *ACTIVATIONS)


def convolve(
    x: Any,
    width: int,
    kernel: int,
    name: str,
    *,
    strides: int = 1,
    activation: str | None = "relu",
    gamma: str = "ones",
) -> Any:
    """Convolution without bias, batch normalisation and an activation, with layers NAME_conv, NAME_norm and NAME_activation.

    (B, H, W, C) -> (B, ceil(H / strides), ceil(W / strides), width). Strided ones see kernel // 2 zeros on each side, as
    torch pads; Keras's "same" pads one side less where a side is even. activation: None leaves it out, for a sum to follow.
    """
    padding = "same" if strides == 1 or kernel == 1 else "valid"
    if padding == "valid":
        x = keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}_padding")(x)
    start = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
    convolution = keras.layers.Conv2D(
        width, kernel, strides, padding, use_bias=False, kernel_initializer=start, name=f"{name}_conv"
    )
    norm = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma, name=f"{name}_norm")
    x = norm(convolution(x))
    return x if activation is None else activate(x, activation, f"{name}_activation")


def activate(x: Any, activation: str, name: str) -> Any:
    """A layer of that name with "relu" or one of mmzoo.layers' activations."""
    return keras.layers.Activation(ACTIVATIONS.get(activation, activation), name=name)(x)
