"""Several things timed in turns, so that a slow minute of the machine is everybody's."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

from sections import progress

PAUSE = 0.05
Turn = Callable[[], list[float]]  # makes its calls and returns their milliseconds, the uncounted one left out


def in_turns(turns: Mapping[str, Turn], rounds: int, seed: int) -> dict[str, float]:
    """Median milliseconds of each; the order changes from round to round. Before each, the threads of the one before go to sleep."""
    order, generator = list(turns), random.Random(seed)
    times: dict[str, list[float]] = {name: [] for name in turns}
    for turn in range(rounds + 1):
        generator.shuffle(order)
        for name in order:
            time.sleep(PAUSE)
            milliseconds = turns[name]()
            if turn:  # the first round touches every file and buffer for the first time
                times[name] += milliseconds
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, value in sorted(medians.items(), key=lambda item: item[1]):
        progress(f"{name}: {value:.1f} ms")
    return medians


def turn_of(call: Callable[[], Any], calls: int) -> Turn:
    """One call that is not counted, and so many that are."""

    def turn() -> list[float]:
        call()
        times = []
        for _ in range(calls):
            started = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - started))
        return times

    return turn


def turn_of_process(process: subprocess.Popen[str], request: str) -> Turn:
    """The same by a process that answers a line, its request, with the milliseconds of all its calls."""

    def turn() -> list[float]:
        print(request, file=process.stdin, flush=True)
        return json.loads(process.stdout.readline())[1:]

    return turn
