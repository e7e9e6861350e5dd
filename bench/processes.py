"""Functions in processes of their own: what one measures does not depend on what ran before it."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any


def in_fresh_process(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Calls a function of a module in a new process: its result, and the process's peak memory in GiB.

    Raises what the function raises, BrokenProcessPool where the process dies.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, function, *arguments).result()


def _measured(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    result = function(*arguments)
    return result, _peak_kib() / 2**20


def _peak_kib() -> int:
    """Peak resident memory; Linux's ru_maxrss would be the parent's where that was larger."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
