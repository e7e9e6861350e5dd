"""An export that is to be killed, in a process of its own.

    python victim.py FORMATS QUANTIZE SEED

Makes a small model, prints "ready", and takes from standard input one JSON object: {"target": DIRECTORY, "event": NUMBER or
null}. It then exports there, over an earlier bundle if there is one. At the file operation of that number, counted from 1, it
kills itself before the operation is made; otherwise it prints {"events": ..., "seconds": ...} at the end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

RENAMES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "open", "shutil.rmtree")


def main() -> None:
    formats, quantize, seed = sys.argv[1].split(","), tuple(filter(None, sys.argv[2].split(","))), int(sys.argv[3])
    model = small_model(seed)
    import mmzoo

    answers = os.fdopen(os.dup(1), "w")
    print("ready", file=answers, flush=True)
    order = json.loads(sys.stdin.readline())
    target = Path(order["target"])
    events = count_file_operations(str(target.parent), order["event"])
    started = time.perf_counter()
    mmzoo.export(model, target, formats, quantize=quantize or None, gate=None, overwrite=True)
    print(json.dumps({"events": events[0], "seconds": time.perf_counter() - started}), file=answers, flush=True)


def small_model(seed: int) -> Any:
    """A CLIP with a tokenizer, so that every kind of file is written: 0.3 million weights."""
    import keras

    import mmzoo

    keras.utils.set_random_seed(seed)
    tokenizer = mmzoo.Tokenizer.train(mmzoo.data.shapes(200).all_captions(), 300)
    text = mmzoo.build_text_transformer(
        vocab_size=tokenizer.vocab_size, context_length=16, width=32, depth=1, num_heads=2, end_id=tokenizer.end_id
    )
    return mmzoo.build_clip(
        image_encoder=mmzoo.build_convnet(image_size=32, widths=(16, 32), blocks=1),
        text_encoder=text,
        embed_dim=32,
        tokenizer=tokenizer,
    )


def count_file_operations(directory: str, fatal: int | None) -> list[int]:
    """Counts what Python does to files under a directory from now on; at the fatal one the process is gone."""
    count = [0]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        # A swap of two directories is a system call that only its look-up by name tells of.
        is_swap = event == "ctypes.dlsym" and arguments[1] == "renameat2"
        if is_swap or (event in RENAMES and os.fsdecode(_path(arguments)).startswith(directory)):
            count[0] += 1
            if count[0] == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return count


def _path(arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if isinstance(arguments[0], (str, bytes, os.PathLike)) else ""


if __name__ == "__main__":
    main()
