"""What info shows of a run directory."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from mmzoo.cli.output import Output, table_of
from mmzoo.cli.runs import HISTORY, MODEL, TrainConfig


def show_run(directory: Path, config: TrainConfig, output: Output) -> None:
    """Its options, whether it is finished, and the figures of its last epoch."""
    options = dataclasses.asdict(config)
    is_finished = (directory / MODEL).is_file()
    history = directory / HISTORY
    epochs = json.loads(history.read_text(encoding="utf-8")) if history.is_file() else {}
    last = {name: values[-1] for name, values in epochs.items() if values}
    table = table_of("", "", title=str(directory))
    table.show_header = False
    for name, value in options.items():
        if value is not None:
            table.add_row(name.replace("_", " "), ", ".join(value) if isinstance(value, tuple) else str(value))
    for name, value in last.items():
        table.add_row(f"last {name.replace('_', ' ')}", f"{value:.4g}")
    output.show(table)
    output.show(f"model: {directory / MODEL}" if is_finished else "not finished: the same command goes on with it")
    output.print_json({"options": options, "finished": is_finished, "last": last})
