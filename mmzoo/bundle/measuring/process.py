"""One worker process as its parent sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from mmzoo.bundle.manifest import Artifact
from mmzoo.bundle.measuring.figures import Timing, summarize


class Worker:
    """Measures one artifact with so many threads in a process of its own, which starts here and ends with the context.

    skipped: why it cannot go on, once it cannot.
    """

    def __init__(self, directory: Path, place: int, artifact: Artifact, threads: int) -> None:
        self.artifact = artifact
        self.threads = threads
        self.skipped: str | None = None
        self._durations: dict[int, list[float]] = {}
        self._peaks: dict[int, int] = {}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from mmzoo.bundle.measuring.worker import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(),
            text=True,
        )
        self._send({"directory": str(directory), "artifact": place, "threads": threads})

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def wait(self) -> None:
        """Until the artifact is open, or known not to open."""
        self._receive()

    def batch(self, wanted: int) -> int:
        """The batch it can be run at: where the file's is fixed, the next multiple of that."""
        fixed = self.artifact.batch or 1
        return -(-wanted // fixed) * fixed

    def has(self, batch: int) -> bool:
        return batch in self._durations

    def turn(self, batch: int, seconds: float, *, counted: bool = True) -> None:
        """Runs calls of one batch size for so long, at least one; not counted: to warm up."""
        if self.skipped:
            return
        self._send({"batch": batch, "seconds": seconds})
        answer = self._receive()
        if "durations" in answer:
            self._durations.setdefault(batch, []).extend(answer["durations"] if counted else ())
            self._peaks[batch] = answer["peak_bytes"]

    def timings(self) -> tuple[Timing, ...]:
        return tuple(
            summarize(durations, threads=self.threads, batch=batch, peak_bytes=self._peaks[batch])
            for batch, durations in sorted(self._durations.items())
            if durations
        )

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            self._receive()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.skipped = f"its process ended with status {self._process.wait()}{self._last_words()}"
            return {}
        answer = json.loads(line)
        self.skipped = answer.get("skipped")
        return answer

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""


def _environment() -> dict[str, str]:
    """The parent's modules are found by the child; no GPU, which would take its own time and memory to start."""
    path: Sequence[str] = [entry or os.getcwd() for entry in sys.path]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path), "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
