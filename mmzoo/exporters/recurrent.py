"""How recurrent layers run while a part is traced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras


def loops_of(model: keras.Model) -> tuple[keras.layers.RNN, ...]:
    """The recurrent layers of a model that run as loops, each once: LSTM, GRU, ConvLSTM2D and what else is an RNN."""
    layers = {id(layer): layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.RNN)}
    return tuple(layer for layer in layers.values() if not layer.unroll)


@contextmanager
def plain_steps(layers: Sequence[keras.layers.RNN], *, written_out: bool = False) -> Iterator[None]:
    """Within it these layers compute with plain operations, on a machine with a GPU too: no format has cuDNN's kernels.

    written_out: one after the other in place of a loop, where the number of steps is known.
    """
    cudnn = [(layer, layer.use_cudnn) for layer in layers if hasattr(layer, "use_cudnn")]
    try:
        for layer, _ in cudnn:
            layer.use_cudnn = False
        for layer in layers if written_out else ():
            layer.inner_loop = partial(_write_out, layer, layer.inner_loop)
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("inner_loop", None)
        for layer, before in cudnn:
            layer.use_cudnn = before


def _write_out(
    layer: keras.layers.RNN, inner_loop: Any, sequences: Any, initial_state: Any, mask: Any, training: bool = False
) -> Any:
    if sequences.shape[1] is None:
        return inner_loop(sequences, initial_state, mask, training=training)
    backwards = layer.go_backwards
    turned = backwards and mask is not None  # Keras's unrolled form zeroes the outputs of pads by the mask not turned
    try:
        layer.unroll = True
        if turned:
            sequences, mask = keras.ops.flip(sequences, axis=1), keras.ops.flip(mask, axis=1)
            layer.go_backwards = False
        return inner_loop(sequences, initial_state, mask, training=training)
    finally:
        layer.unroll, layer.go_backwards = False, backwards
