"""Pictures read in a given order by a few threads; the unreadable ones counted, never fatal."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmzoo.data.decode import UnreadableImage
from mmzoo.data.images import in_memory
from mmzoo.data.source import Source

_log = logging.getLogger("mmzoo.data")

Sample = tuple[int, np.ndarray, str]
"""A picture with its text, and its number, by which whatever else belongs to it is found."""

# Pictures a thread decodes in one go: handing over one small picture at a time costs more than decoding it.
_CHUNK = 16
_END = object()


@dataclass
class BadPictures:
    """The pictures of one source that could not be read; `found` has each one's file name and reason by its position.

    Hand one to `batches`, `dataset` or `arrays` and read it whenever you like; they add to it as they meet them.
    """

    found: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.found)

    @property
    def indices(self) -> list[int]:
        """Their positions in the source, sorted."""
        return sorted(self.found)

    @property
    def reasons(self) -> dict[str, str]:
        """Why, by file name."""
        return dict(self.found.values())

    def add(self, index: int, error: UnreadableImage) -> None:
        """Counts a picture once; the first of all is logged at once, because a run may be long."""
        if not self.found:
            _log.warning("%s; it is left out, and so is any other such picture", error)
        self.found[index] = (error.name, error.reason)

    def log_new(self, before: int, total: int) -> None:
        """Sums up at the end of an epoch, if that epoch met any that were not among the `before` known."""
        if self.count > before:
            _log.warning("of %s pictures, %s", f"{total:,}", self)

    def __str__(self) -> str:
        shown = "; ".join(f"{name}: {reason}" for name, reason in list(self.found.values())[:3])
        return f"{self.count:,} unreadable" + (f" ({shown}{'; ...' if self.count > 3 else ''})" if shown else "")


def samples_in_order(
    source: Source[Any],
    order: Sequence[int] | np.ndarray,
    wanted: int,
    make: Callable[[int], Sample],
    bad: BadPictures,
    *,
    replace: bool,
) -> Iterator[Sample | None]:
    """`wanted` samples in this order, decoded ahead by a few threads unless they are in memory already.

    An unreadable picture is passed over (replace; the order starts again at its end) or yields None.
    """
    if in_memory(source.images):
        yield from (make(int(index)) for index in order[:wanted])
        return

    def read(chunk: list[int]) -> list[Sample | UnreadableImage]:
        return [_attempt(make, index) for index in chunk]

    workers = min(4, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="mmzoo-decode")
    pending: deque[tuple[list[int], Future[list[Sample | UnreadableImage]]]] = deque()
    position = delivered = outstanding = failures = 0
    try:
        while delivered < wanted:
            while len(pending) < 2 * workers and (missing := wanted - delivered - outstanding) > 0:
                places = range(position, position + min(_CHUNK, missing))
                chunk = [int(order[place % len(order)]) for place in places]
                pending.append((chunk, pool.submit(read, chunk)))
                position, outstanding = places.stop, outstanding + len(chunk)
            chunk, future = pending.popleft()
            outstanding -= len(chunk)
            for index, result in zip(chunk, future.result(), strict=True):
                if isinstance(result, UnreadableImage):
                    bad.add(index, result)
                    failures += 1
                    if failures == len(order):
                        raise _none_readable(source, result)
                    if replace:
                        continue
                    delivered += 1
                    yield None
                else:
                    failures = 0
                    delivered += 1
                    yield result
    finally:
        pool.shutdown(cancel_futures=True)


def _attempt(make: Callable[[int], Sample], index: int) -> Sample | UnreadableImage:
    try:
        return make(index)
    except UnreadableImage as error:
        return error


def first_readable(source: Source[Any]) -> int:
    """The position of the first picture that can be read.

    Raises:  ValueError if there is none: an epoch would never end.
    """
    problem = None
    for index in range(len(source)):
        try:
            source.image_at(index)
        except UnreadableImage as error:
            problem = problem or error
        else:
            return index
    raise _none_readable(source, problem)


def _none_readable(source: Source[Any], example: UnreadableImage | None) -> ValueError:
    if example is None:
        return no_pictures(source)
    return ValueError(f"none of the {len(source):,} pictures can be read; for one, {example}")


def no_pictures(source: Source[Any]) -> ValueError:
    """What is wrong with an empty source, in one sentence."""
    return ValueError(f"{type(source).__name__.lower()} must hold at least one picture, received none")


def read_ahead(source: Iterator[Any], depth: int) -> Iterator[Any]:
    """The same batches, made by a thread that is `depth` batches ahead."""
    shelf: queue.Queue[Any] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: Any) -> bool:
        while not stopped.is_set():
            try:
                shelf.put(item, timeout=0.05)
            except queue.Full:
                continue
            return True
        return False

    def fill() -> None:
        try:
            if all(put(batch) for batch in source):
                put(_END)
        except BaseException as error:  # handed to the reader, who raises it
            put(error)
        finally:
            source.close()  # type: ignore[attr-defined]

    thread = threading.Thread(target=fill, name="mmzoo-read-ahead", daemon=True)
    thread.start()
    try:
        while (item := shelf.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
