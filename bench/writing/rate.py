"""Tokens a second of Captioner.generate, against transformers' VisionEncoderDecoderModel of the same size.

Pictures of 224 pixels in patches of 16, 60 tokens about each, none may end before: the same work, whatever the random weights write.
What is timed is the whole of generate, reading the pictures included; compiling is not. Everybody has two threads and is measured in
turns: a turn is one call that is not counted and three that are.
"""

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
from turns import Turn, in_turns, turn_of, turn_of_process
from writing.model import IMAGE_SIZE, THREADS, TOKENS, captioner

CALLS = 3
PEER = "transformers, torch"
SEARCHES = {"greedy_batch_1": (1, 1), "greedy_batch_16": (16, 1), "beam_4_batch_1": (1, 4), "beam_4_batch_16": (16, 4)}
GRU = {f"gru_{name}": SEARCHES[name] for name in ("greedy_batch_1", "greedy_batch_16")}


def measure(arguments: argparse.Namespace) -> Measured:
    """The full form takes seven rounds, the short one two."""
    ours = _our_turns("transformer", SEARCHES, arguments.seed) | _our_turns("gru", GRU, arguments.seed)
    command = [str(peers_python(arguments.peers_python)), str(PEERS / "image_captioner.py"), str(THREADS)]
    busy = os.getloadavg()[0]
    peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        theirs = {
            f"{PEER}: {name}": turn_of_process(peer, f"{batch} {beams} {1 + CALLS}")
            for name, (batch, beams) in SEARCHES.items()
        }
        rounds = 7 if arguments.full else 2
        medians = in_turns(ours | theirs, rounds, arguments.seed)
    finally:
        peer.communicate()
    rates = {name: 1000 * TOKENS * batch / medians[name] for name, (batch, _) in (SEARCHES | GRU).items()}
    rows = []
    for name, (batch, _) in SEARCHES.items():
        rate = 1000 * TOKENS * batch / medians[f"{PEER}: {name}"]
        rows.append(Row(f"{name}_ratio", rates[name] / rate))
        rows.append(Row(f"{name}_tokens_per_second", rates[name], rate, PEER))
    rows += [Row(f"{name}_tokens_per_second", rates[name]) for name in GRU]
    return rows, {"median_ms": medians, "calls_each": rounds * CALLS, "load_before": busy}


def _our_turns(decoder: str, searches: dict[str, tuple[int, int]], seed: int) -> dict[str, Turn]:
    import numpy as np

    model, generator = captioner(decoder, seed), np.random.default_rng(seed)
    turns = {}
    for name, (batch, beams) in searches.items():
        pictures = generator.integers(0, 256, (batch, IMAGE_SIZE, IMAGE_SIZE, 3)).astype("uint8")
        turns[name] = turn_of(partial(_write, model, pictures, beams), CALLS)
    return turns


def _write(model: Any, pictures: Any, beams: int) -> None:
    strategy = {"strategy": "greedy"} if beams == 1 else {"strategy": "beam", "num_beams": beams}
    texts = model.generate(pictures, max_tokens=TOKENS, min_tokens=TOKENS, **strategy)
    assert [len(text.token_ids) for text in texts] == [1 + TOKENS] * len(pictures)
