"""The process that one artifact is measured in: nothing else is in its memory, and its threads are its own."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from mmzoo.bundle.manifest import Artifact, read_manifest
from mmzoo.bundle.reader import open_artifact
from mmzoo.bundle.runners import Runner
from mmzoo.bundle.samples import read_samples

_RUNTIMES = {"onnx": "onnxruntime", "tflite": "ai_edge_litert.interpreter", "saved_model": "tensorflow"}


def serve() -> None:
    """Reads one JSON line a request from standard input and answers each with one, until there are no more.

    First {"directory", "artifact" (its place in the manifest), "threads"}, answered by {}; then any number of
    {"batch", "seconds"}, answered by {"durations", "peak_bytes"}. An error is answered by {"skipped": why}.
    """
    # Native libraries print where they like; the answers keep standard output for themselves.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        try:
            _serve(answers)
        except Exception as error:  # whatever a runtime makes of an artifact is the answer
            _answer(answers, {"skipped": " ".join(str(error).split()) or type(error).__name__})


def _serve(answers: TextIO) -> None:
    order = json.loads(sys.stdin.readline())
    manifest = read_manifest(order["directory"])
    artifact = manifest.artifacts[order["artifact"]]
    part = manifest.parts[artifact.part]
    inputs = read_samples(order["directory"], {part.name: part})[part.name].inputs
    _import_runtime(artifact, order["threads"])
    before = peak_memory()
    run = open_artifact(order["directory"], artifact, part, threads=order["threads"])
    _answer(answers, {})
    previous: dict[int, float] = {}
    for line in sys.stdin:
        request = json.loads(line)
        batch, seconds = request["batch"], request["seconds"]
        feed = {name: array[np.arange(batch) % len(array)] for name, array in inputs.items()}
        # Another process has just used the caches: the first call is not counted, unless it would cost the whole turn.
        if previous.get(batch, 0.0) <= seconds:
            run(feed)
        durations = _time(run, feed, seconds)
        previous[batch] = durations[-1]
        _answer(answers, {"durations": durations, "peak_bytes": max(peak_memory() - before, 0)})


def _import_runtime(artifact: Artifact, threads: int) -> None:
    """What it takes is not the artifact's. Where there is none, opening the artifact says what is missing."""
    with contextlib.suppress(ImportError, KeyError):
        runtime = importlib.import_module(_RUNTIMES[artifact.format])
        if artifact.format == "saved_model":
            runtime.config.threading.set_intra_op_parallelism_threads(threads)
            runtime.config.threading.set_inter_op_parallelism_threads(threads)


def _time(run: Runner, feed: dict[str, np.ndarray], seconds: float) -> list[float]:
    """Durations of calls until the seconds are over, at least one."""
    durations: list[float] = []
    total = 0.0
    while not durations or total < seconds:
        started = time.perf_counter()
        run(feed)
        durations.append(time.perf_counter() - started)
        total += durations[-1]
    return durations


def peak_memory() -> int:
    """The most bytes this process has held in memory.

    Linux hands the parent's peak down to getrusage's ru_maxrss of a child: there it is read from /proc.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _answer(answers: TextIO, content: dict[str, Any]) -> None:
    print(json.dumps(content), file=answers, flush=True)
