"""The command line: thin commands over the public API."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Runs `mmzoo`. What a user can mend is said in one sentence, with exit status 1; MMZOO_DEBUG=1 shows the traceback."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from mmzoo.cli.app import app

    try:
        app()
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        if os.environ.get("MMZOO_DEBUG"):
            raise
        sys.exit(f"mmzoo: {' '.join(str(error).split())}")
