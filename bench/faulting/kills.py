"""Exports killed at random moments: afterwards the directory is complete and verifies, or is absent or the one before.

Half of the moments are drawn from the time an export takes, half from its file operations: the latter find the renames at
the end, which take no time.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from report import HERE, Row
from sections import Measured, progress

VICTIM = HERE / "faulting" / "victim.py"
OLD_SEED, NEW_SEED = 0, 1
GROUPS = {
    "saved_model": ("saved_model", ""),
    "tflite": ("tflite", ""),
    "onnx": ("onnx", ""),
    "quantized": ("tflite,onnx", "int8,fp16"),
}
_one_at_a_time = threading.Lock()


def measure(arguments: argparse.Namespace) -> Measured:
    wanted = 20 if arguments.full else 2
    rows, details = [], {}
    for group in GROUPS:
        with tempfile.TemporaryDirectory() as temporary:
            outcomes, leftovers = kill_exports(group, wanted, Path(temporary), arguments)
        progress(f"{group}: {dict(outcomes)}, {leftovers} left over after the next export")
        details[group] = dict(outcomes)
        for kind in ("new", "overwriting") if arguments.full else ():
            rows.append(Row(f"{group}_kills_{kind}", sum(n for o, n in outcomes.items() if o.startswith(kind))))
        rows.append(Row(f"{group}_kills_broken", sum(n for o, n in outcomes.items() if "broken" in o)))
        rows.append(Row(f"{group}_kills_leftovers", leftovers))
    return rows, {"outcomes": details}


def kill_exports(group: str, wanted: int, directory: Path, arguments: argparse.Namespace) -> tuple[Counter[str], int]:
    """So many kills of a new export and of one over an earlier bundle; and what is left after one that is let be."""
    before, busy = directory / "before", directory / "busy"
    busy.mkdir()
    run_whole(group, OLD_SEED, before)
    baseline = run_whole(group, NEW_SEED, directory / "baseline")
    progress(f"{group}: an export takes {baseline['seconds']:.1f} s and {baseline['events']} file operations")
    generator = random.Random(f"{arguments.seed} {group}")
    outcomes: Counter[str] = Counter()

    def attempt(kind: str, number: int, moment: dict[str, float]) -> None:
        target = busy / f"{kind}-{number}"
        killed = False
        while not killed:  # an export may be faster than the one before; then it is killed earlier
            shutil.rmtree(target, ignore_errors=True)
            if kind == "overwriting":
                shutil.copytree(before, target)
            killed = kill_once(group, target, moment)
            moment = {name: 0.8 * value for name, value in moment.items()}
        with _one_at_a_time:
            outcomes[f"{kind}: {judge(target, before if kind == 'overwriting' else None)}"] += 1
        shutil.rmtree(target, ignore_errors=True)

    with ThreadPoolExecutor(arguments.workers) as pool:
        jobs = []
        for number in range(wanted):
            for kind in ("new", "overwriting"):
                by_time = {"after": generator.uniform(0, baseline["seconds"])}
                by_event = {"event": generator.randint(1, baseline["events"])}
                jobs.append(pool.submit(attempt, kind, number, by_event if number % 2 else by_time))
        for job in jobs:
            job.result()
    run_whole(group, NEW_SEED, busy / "last")
    return outcomes, len([path for path in busy.iterdir() if path.name != "last"])


def run_whole(group: str, seed: int, target: Path) -> dict[str, Any]:
    with start(group, seed) as victim:
        output, _ = victim.communicate(json.dumps({"target": str(target), "event": None}) + "\n")
    if victim.returncode:
        raise RuntimeError(f"an export that was let be must end with 0, ended with {victim.returncode}")
    return json.loads(output.splitlines()[-1])


def kill_once(group: str, target: Path, moment: dict[str, float]) -> bool:
    """Whether the kill came before the export's end."""
    with start(group, NEW_SEED) as victim:
        assert victim.stdin
        event = max(1, int(moment["event"])) if "event" in moment else None
        victim.stdin.write(json.dumps({"target": str(target), "event": event}) + "\n")
        victim.stdin.flush()
        try:
            victim.wait(moment.get("after", 600))
        except subprocess.TimeoutExpired:
            victim.send_signal(signal.SIGKILL)
            victim.wait()
    return victim.returncode == -signal.SIGKILL


def start(group: str, seed: int) -> subprocess.Popen[str]:
    formats, quantize = GROUPS[group]
    victim = subprocess.Popen(
        [sys.executable, str(VICTIM), formats, quantize, str(seed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert victim.stdout
    while (line := victim.stdout.readline()) and line != "ready\n":
        pass
    return victim


def judge(target: Path, before: Path | None) -> str:
    """absent, complete, or, where there was an earlier bundle, old or new; anything else is broken."""
    from mmzoo.bundle import verify
    from mmzoo.checksums import SUMS

    if not target.exists():
        return "absent" if before is None else "broken, the earlier bundle is gone"
    verification = verify(target)
    if not verification.ok:
        return f"broken, {verification.problems[0]}"
    if before is None:
        return "complete"
    return "old" if (target / SUMS).read_bytes() == (before / SUMS).read_bytes() else "new"
