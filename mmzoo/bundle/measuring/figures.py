"""What measure finds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmzoo.bundle.manifest import Artifact


@dataclass(frozen=True)
class Timing:
    """One artifact at one batch size with so many threads.

    p50, p99: seconds of one call; of fewer than 100 calls p99 is the slowest. per_second: samples. peak_bytes: what the
    process held at most up to this batch size, without what the interpreter holds once the runtime is imported.
    """

    threads: int
    batch: int
    calls: int
    p50: float
    p99: float
    per_second: float
    peak_bytes: int


@dataclass(frozen=True)
class MeasuredArtifact:
    """One artifact, by threads and batch size in ascending order, or why it was not measured."""

    artifact: Artifact
    timings: tuple[Timing, ...] = ()
    skipped: str | None = None

    def singles(self) -> tuple[Timing, ...]:
        """The smallest batch, for each number of threads: what one request waits for."""
        batch = min((timing.batch for timing in self.timings), default=0)
        return tuple(timing for timing in self.timings if timing.batch == batch)


@dataclass(frozen=True)
class Measurement:
    """What measure found. machine: its processor; cores: how many this process may use."""

    directory: Path
    model: str
    machine: str
    cores: int
    seconds: float
    artifacts: tuple[MeasuredArtifact, ...]


def summarize(durations: Sequence[float], *, threads: int, batch: int, peak_bytes: int) -> Timing:
    """Percentiles by the nearest rank: each is a duration that was measured."""
    ordered = sorted(durations)
    p50, p99 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.99))
    per_second = batch * len(ordered) / math.fsum(ordered)
    return Timing(threads, batch, len(ordered), p50, p99, per_second, peak_bytes)
