"""The command line: thin commands over the public API."""

from __future__ import annotations

import os
import sys
import warnings
from typing import TextIO


def main() -> None:
    """Runs `mmzoo`. What a user can mend is said in one sentence, with exit status 1; MMZOO_DEBUG=1 shows the traceback."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from mmzoo.cli.app import app

    try:
        with warnings.catch_warnings():
            warnings.showwarning = _note
            app()
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        if os.environ.get("MMZOO_DEBUG"):
            raise
        sys.exit(f"mmzoo: {_one_line(error)}")


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as a user of the command line reads it: who wrote it where in the source is not theirs to mend."""
    print(f"mmzoo: note: {_one_line(message)}", file=sys.stderr)


def _one_line(message: BaseException | str) -> str:
    return " ".join(str(message).split())
