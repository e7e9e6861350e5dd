"""Who is measured when: artifacts that are compared take turns, so that what else the machine does meets all of them."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from mmzoo.bundle.manifest import Manifest, read_manifest
from mmzoo.bundle.measuring.figures import MeasuredArtifact, Measurement
from mmzoo.bundle.measuring.process import Worker
from mmzoo.bundle.verification import wrong_files
from mmzoo.checksums import check_files

ROUNDS = 5
_COPIES = 3  # of its weights a runtime may hold at once: the file, what it reads from it, what it packs for its kernels


def measure(
    directory: str | Path,
    *,
    parts: Sequence[str] | None = None,
    formats: Sequence[str] | None = None,
    batches: Sequence[int] = (1, 8, 32),
    threads: Sequence[int] | None = None,
    seconds: float = 2.0,
) -> Measurement:
    """Latency, throughput and peak memory of a bundle's artifacts on the CPU, each in a process of its own.

    parts, formats: of those the bundle holds; default all. batches: sizes, filled with the bundle's samples, repeated
    where they are too few. threads: how many one call may use; default one and every core. seconds: what each artifact
    is given for each batch size and number of threads, in five rounds that the artifacts of a part take in turns; where
    they do not fit into memory together, one after the other. Warm-up calls are not counted.

    Neither the Keras model nor Keras is needed, TensorFlow only for SavedModels and only in their processes. An artifact
    that is damaged or cannot be run is skipped, with the reason. Writes nothing.
    Raises FileNotFoundError where there is no bundle, ValueError for a damaged one and for options that do not fit it.
    """
    directory = Path(directory)
    manifest = read_manifest(directory)
    cores = usable_cores()
    threads = _checked_numbers("threads", sorted({1, cores}) if threads is None else threads)
    batches = _checked_numbers("batches", batches)
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"seconds must be a positive number, received {seconds}")
    kept = chosen(manifest, parts, formats)
    problems, _ = check_files(directory)
    wrong = {place: wrong_files(manifest.artifacts[place], problems) for place in kept}
    found: dict[int, list[MeasuredArtifact]] = {
        place: [MeasuredArtifact(manifest.artifacts[place], (), f"{names[0]} is damaged")] if names else []
        for place, names in wrong.items()
    }
    for part in dict.fromkeys(manifest.artifacts[place].part for place in kept):
        group = [place for place in kept if manifest.artifacts[place].part == part and not wrong[place]]
        for count in threads:
            for together in _groups(manifest, group) if group else ():
                for place, measured in _measure_together(directory, manifest, together, count, batches, seconds):
                    found[place].append(measured)
    return Measurement(
        directory, manifest.model, _processor(), cores, seconds, tuple(_join(found[place]) for place in kept)
    )


def chosen(manifest: Manifest, parts: Sequence[str] | None, formats: Sequence[str] | None) -> list[int]:
    """Places in the manifest of the artifacts of these parts and formats; None means all.

    Raises ValueError for one that the bundle does not hold.
    """
    for name, wanted in (("part", parts), ("format", formats)):
        present = list(dict.fromkeys(getattr(artifact, name) for artifact in manifest.artifacts))
        for value in wanted or ():
            if value not in present:
                raise ValueError(f"{name} must be one the bundle holds ({', '.join(present)}), received {value!r}")
    places = [
        place
        for place, artifact in enumerate(manifest.artifacts)
        if (parts is None or artifact.part in parts) and (formats is None or artifact.format in formats)
    ]
    if not places:
        raise ValueError(f"the bundle must hold an artifact of part {parts} in format {formats}, found none")
    return places


def usable_cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked_numbers(name: str, values: Sequence[int]) -> list[int]:
    if not values or min(values) < 1:
        raise ValueError(f"{name} must be whole numbers of at least 1, received {list(values)}")
    return sorted(set(values))


def _groups(manifest: Manifest, places: list[int]) -> list[list[int]]:
    """One group where all fit into half of the memory, else one for each."""
    needed = _COPIES * sum(manifest.artifacts[place].bytes for place in places)
    present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return [places] if needed <= present / 2 else [[place] for place in places]


def _measure_together(
    directory: Path, manifest: Manifest, places: list[int], threads: int, batches: list[int], seconds: float
) -> list[tuple[int, MeasuredArtifact]]:
    with ExitStack() as running:
        workers = [
            running.enter_context(Worker(directory, place, manifest.artifacts[place], threads)) for place in places
        ]
        for worker in workers:
            worker.wait()
        for batch in batches:
            _take_turns([worker for worker in workers if not worker.has(worker.batch(batch))], batch, seconds)
        return [
            (place, MeasuredArtifact(worker.artifact, () if worker.skipped else worker.timings(), worker.skipped))
            for place, worker in zip(places, workers, strict=True)
        ]


def _take_turns(workers: list[Worker], batch: int, seconds: float) -> None:
    for worker in workers:
        worker.turn(worker.batch(batch), 0.0, counted=False)
    for turn in range(ROUNDS):
        for worker in workers if turn % 2 else reversed(workers):
            worker.turn(worker.batch(batch), seconds / ROUNDS)


def _join(by_threads: list[MeasuredArtifact]) -> MeasuredArtifact:
    skipped = next((measured.skipped for measured in by_threads if measured.skipped), None)
    timings = tuple(timing for measured in by_threads for timing in measured.timings)
    return MeasuredArtifact(by_threads[0].artifact, () if skipped else timings, skipped)


def _processor() -> str:
    """The processor's name where the system tells it, else its kind."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
