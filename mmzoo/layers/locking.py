"""Which weights training may change, to the last layer inside a layer."""

from __future__ import annotations

import keras


def set_trainable(layer: keras.layers.Layer, value: bool) -> None:
    """Sets `trainable` of a layer, of all layers inside it and of their weights."""
    for part in list(layer._flatten_layers()):
        part.trainable = not value  # on TensorFlow, setting what is set already would not reach the weights
        part.trainable = value


def relock(model: keras.Model) -> None:
    """Locks what is inside locked layers: a .keras file says of a composite layer that it is locked, not of its parts."""
    for layer in list(model._flatten_layers()):
        if not layer.trainable:
            set_trainable(layer, False)
