"""Whether a later token costs more: one step of the transformer decoder at token 60 over one at token 5, 16 pictures at once.

The step is compiled as generate compiles it, with the pictures' keys and values and a cache of generate's size, and both places are
measured in turns. It is called by itself: what one token costs can't be told from how long whole texts take, whose reading of the
pictures varies by more.
"""

from __future__ import annotations

import argparse
from typing import Any

from report import Row
from sections import Measured
from turns import in_turns, turn_of
from writing.model import TOKENS, captioner

BATCH, EARLY, CALLS = 16, 5, 20


def measure(arguments: argparse.Namespace) -> Measured:
    """The full form takes twenty rounds, the short one six."""
    step = _compiled_step(arguments.seed)
    turns = {f"token {token}": turn_of(lambda token=token: step(token), CALLS) for token in (EARLY, TOKENS)}
    rounds = 20 if arguments.full else 6
    medians = in_turns(turns, rounds, arguments.seed)
    early, late = medians[f"token {EARLY}"], medians[f"token {TOKENS}"]
    rows = [
        Row("time_per_token_ratio", late / early),
        Row(f"step_at_token_{EARLY}", early, unit="ms"),
        Row(f"step_at_token_{TOKENS}", late, unit="ms"),
    ]
    return rows, {"median_ms": medians, "calls_each": rounds * CALLS}


def _compiled_step(seed: int) -> Any:
    """A call that chooses the token of this number, counted from 1, for the whole batch."""
    import numpy as np
    import tensorflow as tf

    model = captioner("transformer", seed)
    decoder, pictures = model.decoder, np.zeros((BATCH, *model.image_size, 3), "uint8")
    context = decoder.read(*model.remember({"images": tf.constant(pictures)}))
    state = decoder.start(context)
    token_ids, compiled = tf.ones((BATCH, 1), tf.int32), tf.function(decoder.step, jit_compile=True)
    places = {token: tf.constant(token - 1) for token in (EARLY, TOKENS)}  # of the token before it; the start's is 0
    return lambda token: compiled(token_ids, places[token], context, state)[0].numpy()
