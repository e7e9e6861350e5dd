"""The generator's step and its pictures a second, against the same network in torch, in turns."""

from __future__ import annotations

import argparse
import os
import subprocess
from functools import partial
from typing import Any

from peers.environment import HERE as PEERS
from peers.environment import peers_python
from report import Row
from sections import Measured
from turns import in_turns, turn_of, turn_of_process

STEP_BATCH, DRAW_BATCHES = 32, (1, 16, 64)
CALLS, THREADS = 10, 2
PEER = "torch"


def measure(arguments: argparse.Namespace) -> Measured:
    """The full form takes nine rounds, the short one three."""
    step, draw, parameters = _ours(arguments.seed)
    ours = {"step": turn_of(step, CALLS)}
    ours |= {f"draw_batch_{batch}": turn_of(partial(draw, batch), CALLS) for batch in DRAW_BATCHES}
    command = [str(peers_python(arguments.peers_python)), str(PEERS / "generator.py"), str(THREADS)]
    busy = os.getloadavg()[0]
    peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert int(peer.stdout.readline()) == parameters, "not the same shape"
        asked = {"step": f"STEP {STEP_BATCH}"} | {f"draw_batch_{batch}": f"DRAW {batch}" for batch in DRAW_BATCHES}
        theirs = {f"{PEER}: {name}": turn_of_process(peer, f"{line} {1 + CALLS}") for name, line in asked.items()}
        medians = in_turns(ours | theirs, 9 if arguments.full else 3, arguments.seed)
    finally:
        peer.communicate()
    rows = [Row("generator_step_ms", medians["step"], medians[f"{PEER}: step"], PEER)]
    rows.append(Row("generator_step_ratio", medians[f"{PEER}: step"] / medians["step"]))
    for batch in DRAW_BATCHES:
        name = f"draw_batch_{batch}"
        rates = [1000 * batch / medians[key] for key in (name, f"{PEER}: {name}")]
        rows.append(Row(f"{name}_images_per_second", rates[0], rates[1], PEER))
        rows.append(Row(f"{name}_ratio", rates[0] / rates[1]))
    return rows, {"median_ms": medians, "parameters": parameters, "load_before": busy}


def _ours(seed: int) -> tuple[Any, Any, int]:
    import keras
    import numpy as np
    import tensorflow as tf

    from mmzoo.models.text_to_image.generator import build_generator

    keras.utils.set_random_seed(seed)
    model, rng = build_generator(), np.random.default_rng(seed)
    optimizer = keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99)
    optimizer.build(model.trainable_variables)

    def inputs(batch: int) -> dict[str, Any]:
        shapes = {"noise": (batch, 32), "text": (batch, 64)}
        return {name: tf.constant(rng.normal(size=shape).astype("float32")) for name, shape in shapes.items()}

    @tf.function
    def compiled_step(given: dict[str, Any]) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(given, training=True)["images"] / 127.5 - 1))
        optimizer.apply(
            tape.gradient(loss, [each.value for each in model.trainable_variables]), model.trainable_variables
        )
        return loss

    compiled_draw = tf.function(lambda given: model(given, training=False)["images"])
    of_step, of_draws = inputs(STEP_BATCH), {batch: inputs(batch) for batch in DRAW_BATCHES}
    return (
        lambda: compiled_step(of_step).numpy(),
        lambda batch: compiled_draw(of_draws[batch]).numpy(),
        model.count_params(),
    )
