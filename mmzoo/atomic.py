"""Files and directories that appear whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = ".mmzoo-partial-"
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux's renameat2
_AT_FDCWD = -100


@contextmanager
def whole_file(target: str | Path) -> Iterator[Path]:
    """Yields a hidden sibling to write into: on success flushed to disk and renamed to target, on any error removed.

    An existing target stays until the new one is whole.
    """
    target = Path(target)
    temporary = target.with_name(f".partial-{target.name}")
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, target)
        _flush(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_directory(target: Path, *, replaces: Callable[[Path], bool] | None = None) -> Iterator[Path]:
    """Yields a hidden sibling to write into: on success flushed to disk and renamed to target, on any error removed.

    replaces: says of an existing target whether it may be replaced; it stays until the new one is whole. None: never.
    What a killed process leaves, its hidden sibling, the next call beside it removes: the lock died with its owner.
    Raises FileExistsError where target exists and may not be replaced.
    """
    _recover(target)
    _require_free(target, replaces)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target.parent)
    temporary, lock = _create_locked(target.parent / f"{PREFIX}{target.name}-{uuid.uuid4().hex[:12]}")
    try:
        yield temporary
        _flush_tree(temporary)
        _require_free(target, replaces)
        if target.exists():
            _exchange(temporary, target)
        else:
            _rename_new(temporary, target)
        _flush(target.parent)
    except OSError as error:
        if error.errno == errno.ENOSPC and error.filename is None:
            error.filename = str(target.parent)  # a write knows no name
        raise
    finally:
        # Empty after a rename, the old export after an exchange, unfinished work after an error.
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(lock)


def _require_free(target: Path, replaces: Callable[[Path], bool] | None) -> None:
    if not os.path.lexists(target):
        return
    if replaces is None:
        raise FileExistsError(
            f"{target} must not exist yet: choose another directory, or let what is there be overwritten"
        )
    if not replaces(target):
        raise FileExistsError(f"{target} must be what was written here earlier and hold nothing else to be overwritten")


def _create_locked(path: Path) -> tuple[Path, int]:
    """Makes a directory and locks it; a cleaner may have removed it between the two steps."""
    while True:
        path.mkdir()
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists() and path.stat().st_ino == os.fstat(lock).st_ino:
                return path, lock
            os.close(lock)


def _remove_leftovers(parent: Path) -> None:
    for leftover in parent.glob(f"{PREFIX}*"):
        try:
            lock = os.open(leftover, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(leftover, ignore_errors=True)
        except BlockingIOError:  # its owner is at work
            pass
        finally:
            os.close(lock)


def _rename_new(source: Path, target: Path) -> None:
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise FileExistsError(f"{target} must not exist yet, and appeared in the meantime") from error
        raise


def _exchange(source: Path, target: Path) -> None:
    """Swaps two directories in one step where the system can, else in two with the old one kept until the second."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename and rename(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), _EXCHANGE) == 0:
        return
    aside = _aside(target)
    os.rename(target, aside)
    try:
        os.rename(source, target)
    except BaseException:
        os.rename(aside, target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _aside(target: Path) -> Path:
    return target.with_name(f".mmzoo-old-{target.name}")


def _recover(target: Path) -> None:
    """Undoes a replacement in two steps that was killed between them."""
    if _aside(target).exists() and not target.exists():
        os.rename(_aside(target), target)


def _flush_tree(directory: Path) -> None:
    for root, _, files in os.walk(directory):
        for name in files:
            _flush(Path(root, name))
        _flush(Path(root))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
