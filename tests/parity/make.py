"""Everything that the parity tests compare with, made in a folder: python tests/parity/make.py FOLDER

Runs in the peers' environment (bench/peers).
"""

import subprocess
import sys
from pathlib import Path

PROGRAMS = (("tokens.py", "make"), ("pictures.py",), ("models.py", "make"), ("captions.py",), ("generation.py",))

if __name__ == "__main__":
    started = [
        subprocess.Popen([sys.executable, Path(__file__).with_name(program), *command, sys.argv[1]])
        for program, *command in PROGRAMS
    ]
    sys.exit(max([abs(process.wait()) for process in started]))
