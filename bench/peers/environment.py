"""The interpreter that peers run with: an environment of their own, since torch and TensorFlow are better kept apart."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parent.parent / ".venv-peers"
REQUIREMENTS = HERE / "requirements.txt"


def peers_python(given: Path | None) -> Path:
    """The given interpreter, else that of .venv-peers, which is made or brought up to requirements.txt where it must be.

    Raises CalledProcessError where pip cannot install them.
    """
    if given is not None:
        return given
    python, installed = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "installed"
    if not installed.exists() or installed.stat().st_mtime < REQUIREMENTS.stat().st_mtime:
        print(f"making {ENVIRONMENT.name} with {REQUIREMENTS.name}: some hundred MB to download", file=sys.stderr)
        venv.create(ENVIRONMENT, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-r", str(REQUIREMENTS)]
        subprocess.run(pip, check=True)
        installed.touch()
    return python
