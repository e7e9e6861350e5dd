"""The interpreter that peers run with: an environment of their own, since torch and TensorFlow are better kept apart.

python bench/peers/environment.py prints its path, and makes it where it must be.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parent.parent / ".venv-peers"
REQUIREMENTS, ALONE = HERE / "requirements.txt", HERE / "requirements-alone.txt"


def peers_python(given: Path | None) -> Path:
    """The given interpreter, else that of .venv-peers, which is made or brought up to its requirements where it must be.

    Raises CalledProcessError where pip cannot install them.
    """
    if given is not None:
        return given
    python, installed = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "installed"
    changed = max(path.stat().st_mtime for path in (REQUIREMENTS, ALONE))
    if not installed.exists() or installed.stat().st_mtime < changed:
        print(f"making {ENVIRONMENT.name} with {REQUIREMENTS.name}: some hundred MB to download", file=sys.stderr)
        venv.create(ENVIRONMENT, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True)
        subprocess.run([*pip, "--no-deps", "-r", str(ALONE)], check=True)
        installed.touch()
    return python


if __name__ == "__main__":
    print(peers_python(None))
