"""The generator's step and its pictures a second, against the same network in torch, in turns.

    python speed.py THREADS    answers each line DRAW BATCH CALLS on standard input with the milliseconds of CALLS calls, as the peer does

A process has one number of threads: both sides do with THREADS, and once more one picture at a time with one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

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
    torch = [str(peers_python(arguments.peers_python)), str(PEERS / "generator.py")]
    busy = os.getloadavg()[0]
    with (
        _answering([*torch, str(THREADS)], parameters) as peer,
        _answering([*torch, "1"], parameters) as peer_alone,
        _answering([sys.executable, __file__, "1"], parameters) as ours_alone,
    ):
        asked = {"step": f"STEP {STEP_BATCH}"} | {f"draw_batch_{batch}": f"DRAW {batch}" for batch in DRAW_BATCHES}
        turns = ours | {f"{PEER}: {name}": turn_of_process(peer, f"{line} {1 + CALLS}") for name, line in asked.items()}
        single = {"draw_one_thread": ours_alone, f"{PEER}: draw_one_thread": peer_alone}
        turns |= {name: turn_of_process(process, f"DRAW 1 {1 + CALLS}") for name, process in single.items()}
        medians = in_turns(turns, 9 if arguments.full else 3, arguments.seed)
    rows = [Row("generator_step_ms", medians["step"], medians[f"{PEER}: step"], PEER)]
    rows.append(Row("generator_step_ratio", medians[f"{PEER}: step"] / medians["step"]))
    for name, batch in [("draw_one_thread", 1), *((f"draw_batch_{batch}", batch) for batch in DRAW_BATCHES)]:
        rates = [1000 * batch / medians[key] for key in (name, f"{PEER}: {name}")]
        rows.append(Row(f"{name}_images_per_second", rates[0], rates[1], PEER))
        rows.append(Row(f"{name}_ratio", rates[0] / rates[1]))
    return rows, {"median_ms": medians, "parameters": parameters, "load_before": busy}


@contextmanager
def _answering(command: list[str], parameters: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == parameters, "not the same shape"
        yield process
    finally:
        process.communicate()


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

    specs = {name: tf.TensorSpec([None, *given.shape[1:]], given.dtype) for name, given in inputs(1).items()}
    draw = tf.function(lambda given: model(given, training=False)["images"])
    traced_draw = draw.get_concrete_function(specs)  # looking for the trace is a sixth of the time at batch 1
    of_step, of_draws = inputs(STEP_BATCH), {batch: inputs(batch) for batch in DRAW_BATCHES}
    return (
        lambda: compiled_step(of_step).numpy(),
        lambda batch: traced_draw(of_draws[batch]).numpy(),
        model.count_params(),
    )


def _answer(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    _, draw, parameters = _ours(0)
    print(parameters, flush=True)
    for line in sys.stdin:
        _, batch, calls = line.split()
        times = []
        for _ in range(int(calls)):
            started = time.perf_counter()
            draw(int(batch))
            times.append(1000 * (time.perf_counter() - started))
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    _answer(int(sys.argv[1]))
