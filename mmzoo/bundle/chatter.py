"""Keeps the chatter of TensorFlow, LiteRT, tf2onnx and ONNX Runtime off the terminal, and nothing else."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.RLock()
_LOGGERS = ("absl", "tensorflow", "tf2onnx")
_CHATTER = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog"
    rb"|[IW]\d{4} \d\d:\d\d:"  # absl: information and warnings
    rb"|E\d{4} .*failed call to cuInit"  # TensorFlow, on every machine without a GPU
    rb"|To enable the following instructions:"  # the second line of one of them
    rb"|INFO: "  # LiteRT
    rb"|(\x1b\[[0-9;]*m)?\d{4}-\d\d-\d\d .*(: [IW] |\[[IW]:onnxruntime)"  # TensorFlow's older form, ONNX Runtime
    rb"|(\x1b\[m)?\s*$"
    # The TFLite converter repeats what follows in the exception it raises.
    rb"|loc\(|<unknown>:0: |error: |Some ops (in the model are custom|are not supported)"
    rb"|(Custom|Flex) ops: |Details:|\ttf\."
)


@contextmanager
def quiet() -> Iterator[None]:
    """Within it, native information and warning lines on stderr, Python warnings and library loggers are not shown.

    The native libraries write to the file descriptor, where Python cannot stop single lines: it is collected meanwhile,
    and whatever is not known chatter, every error among it, is written out at the end, also when the block raises. One
    thread at a time is in it: the descriptor is the process's.
    """
    with _lock:
        levels = {name: logging.getLogger(name).level for name in _LOGGERS}
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)  # also for the loggers below it
            logging.getLogger(name).addFilter(_is_critical)  # absl sets its level back when it is first configured
        try:
            with warnings.catch_warnings(), _filtered_stderr():
                warnings.simplefilter("ignore")
                yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
                logging.getLogger(name).removeFilter(_is_critical)


def _is_critical(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.CRITICAL


@contextmanager
def _filtered_stderr() -> Iterator[None]:
    try:
        original = os.dup(2)
    except OSError:  # a process without stderr has nothing to filter
        yield
        return
    with tempfile.TemporaryFile() as collected:
        try:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(collected.fileno(), 2)
            yield
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(original, 2)
            collected.seek(0)
            for line in collected:
                if not _CHATTER.match(line):
                    os.write(original, line)
            os.close(original)
