"""One flipped bit in a bundle: does verify name the file it is in, and no other?"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path
from typing import Any

from processes import in_fresh_process
from report import Row
from sections import Measured, progress


def measure(arguments: argparse.Namespace) -> Measured:
    with tempfile.TemporaryDirectory() as temporary:
        bundle = str(Path(temporary, "bundle"))
        in_fresh_process(write_bundle, bundle)
        found, _ = in_fresh_process(flip_bits, bundle, 8 if arguments.full else 1, arguments.seed)
    for name, positions in found["missed"].items():
        progress(f"missed: {name} at {positions}")
    rows = [
        Row("flips_missed", sum(map(len, found["missed"].values()))),
        Row("flips_others_accused", found["others_accused"]),
    ]
    if arguments.full:  # the counts have bars that a short run cannot reach
        rows += [Row("flipped_files", found["files"]), Row("flipped_bits", found["flips"])]
    return rows, {"flips": found}


def write_bundle(bundle: str) -> None:
    """Every kind of file there is: all formats and precisions, raw forms, external data."""
    from faulting.victim import small_model

    import mmzoo

    mmzoo.export(small_model(0), bundle, quantize=("int8", "fp16"), gate=None, external_data=True)


def flip_bits(bundle: str, each: int, seed: int) -> dict[str, Any]:
    """Flips single bits at random positions of each file, one at a time, and asks verify."""
    from mmzoo.bundle import verify
    from mmzoo.checksums import list_files

    generator = random.Random(seed)
    before = verify(bundle)
    assert before.ok, before.problems
    missed: dict[str, list[int]] = {}
    others = flips = 0
    names = list_files(bundle)
    for name in names:
        path = Path(bundle, name)
        content = path.read_bytes()
        for position in generator.sample(range(8 * len(content)), min(each, 8 * len(content))):
            flipped = bytearray(content)
            flipped[position // 8] ^= 1 << position % 8
            path.write_bytes(flipped)
            accused = {check.path for check in verify(bundle).files if check.problem}
            flips += 1
            others += bool(accused - {name})
            if name not in accused:
                missed.setdefault(name, []).append(position)
        path.write_bytes(content)
    assert verify(bundle).ok
    return {"files": len(names), "flips": flips, "missed": missed, "others_accused": others}
