"""Exports by the command line onto a disk that is too small: one line of error, exit status 1, and no directory.

The disk is a tmpfs of its own, in a mount namespace of the one process, so nothing has to be unmounted. Where a namespace is
not to be had, as in some containers, a limit on the size of single files stands in; the results say which it was.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from faulting.kills import GROUPS
from faulting.victim import small_model
from processes import in_fresh_process
from report import Row
from sections import Measured, progress

FULL_FRACTIONS = (0.01, 0.2, 0.4, 0.6, 0.8, 0.95)  # of the finished bundle's size
QUICK_FRACTIONS = (0.5,)
NAMESPACES = (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"])
# The disk is seen in there alone, so what is on it in the end is looked at there too.
ON_TMPFS = """
mount -t tmpfs -o size="$SIZE" tmpfs "$DISK" || exit 99
"""
AND_LOOK = """
"$@"; status=$?
"$PYTHON" -c "$LOOK" "$DISK" > "$FOUND"
exit $status
"""
# The limit is for the bundle, not for what the command reads before it.
WITH_LIMIT = """
import os, resource, sys
def hook(event, arguments):
    if event == "os.mkdir" and ".mmzoo-partial-" in str(arguments[0]):
        resource.setrlimit(resource.RLIMIT_FSIZE, 2 * (int(os.environ["SIZE"]),))
sys.addaudithook(hook)
from mmzoo.cli import main
main()
"""
LOOK = """
import json, os, sys
names = sorted(os.listdir(sys.argv[1]))
whole = False
if names == ["bundle"]:
    from mmzoo.bundle import verify
    whole = verify(sys.argv[1] + "/bundle").ok
print(json.dumps({"names": names, "whole": whole}))
"""


def measure(arguments: argparse.Namespace) -> Measured:
    rows, details = [Row("full_disk_is_tmpfs", float(bool(namespace())))], {}
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary, "model.keras")
        in_fresh_process(save_model, str(model))
        for group in GROUPS:
            fractions = FULL_FRACTIONS if arguments.full else QUICK_FRACTIONS
            found = fill(group, model, Path(temporary, group), fractions)
            for fraction, outcome in found.items():
                progress(f"{group}, {fraction:.0%} of what it needs: {outcome}")
            wrong = sum(outcome["wrong"] for outcome in found.values())
            rows += [Row(f"{group}_full_disks", len(found))] if arguments.full else []
            rows.append(Row(f"{group}_full_disks_wrong", wrong))
            details[group] = {str(fraction): outcome for fraction, outcome in found.items()}
    return rows, {"full_disks": details}


def save_model(path: str) -> None:
    small_model(0).save(path)


def fill(group: str, model: Path, directory: Path, fractions: tuple[float, ...]) -> dict[float, dict[str, Any]]:
    directory.mkdir()
    whole = run_export(group, model, directory / "whole", None)
    if whole["status"] != 0 or not whole["whole"]:
        raise RuntimeError(f"an export onto a large disk must succeed, received {whole}")
    files = [path.stat().st_size for path in (directory / "whole").rglob("*") if path.is_file()]
    # A limit on files bites where the largest does not fit, a disk where all do not.
    needed = sum(files) if namespace() else max(files)
    found = {}
    for fraction in fractions:
        outcome = run_export(group, model, directory / f"disk-{fraction}", max(4096, int(fraction * needed)))
        said = len(outcome["error"]) == 1 and re.search("No space left|File too large", outcome["error"][0])
        outcome["wrong"] = not (outcome["status"] == 1 and said and outcome["names"] == [])
        found[fraction] = outcome
    return found


def run_export(group: str, model: Path, disk: Path, size: int | None) -> dict[str, Any]:
    """The command's exit status and lines of error, the names on the disk afterwards, and whether a bundle there is whole."""
    formats, quantize = GROUPS[group]
    disk.mkdir()
    command = ["export", "--model", str(model), "--out", str(disk / "bundle"), "--formats", formats]
    if quantize:
        command += ["--quantize", quantize, "--no-gate"]
    found = disk.parent / f"found-{disk.name}.json"
    environment = {**os.environ, "DISK": str(disk), "FOUND": str(found), "LOOK": LOOK, "PYTHON": sys.executable}
    mmzoo, script, inside = [str(Path(sys.executable).with_name("mmzoo"))], AND_LOOK, []
    if size is not None:
        environment["SIZE"] = str(size)
        if inside := namespace():
            script = ON_TMPFS + AND_LOOK
        else:
            mmzoo = [sys.executable, "-c", WITH_LIMIT]
    call = [*inside, "sh", "-c", script, "sh", *mmzoo, *command]
    done = subprocess.run(call, env=environment, capture_output=True, text=True)
    if done.returncode == 99:
        raise OSError(f"a small disk must be made, received {done.stderr.strip()}")
    error = [line.replace(str(disk), "DISK") for line in done.stderr.splitlines() if line.strip()]
    return {"status": done.returncode, "error": error[-5:], **json.loads(found.read_text())}


@cache
def namespace() -> list[str]:
    """The command that a tmpfs can be mounted under, or nothing."""
    with tempfile.TemporaryDirectory() as directory:
        for command in NAMESPACES:
            call = [*command, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]
            try:
                if subprocess.run(call, capture_output=True).returncode == 0:
                    return command
            except FileNotFoundError:
                return []
    return []
