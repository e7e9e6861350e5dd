"""What list and info show of presets."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from mmzoo.cli.output import Output, table_of
from mmzoo.presets import ClipPreset, ImagePreset, ImageSizes, PresetRow, TextEncoderSizes, find_preset

TITLES = {"clip": "CLIPs", "image": "image encoders", "text": "text encoders"}
BUILD = {
    "clip": 'mmzoo.build_clip("{}", tokenizer=tokenizer)',
    "image": 'mmzoo.build_clip(image_encoder="{}", text_encoder=...)',
    "text": 'mmzoo.build_clip(image_encoder=..., text_encoder="{}")',
}


def show_presets(rows: Sequence[PresetRow], output: Output) -> None:
    """A table a kind, of 80 columns at most: a paper is its number at arXiv."""
    for kind, title in TITLES.items():
        members = [row for row in rows if row.kind == kind]
        sides = {"pixels": kind != "text", "tokens": kind != "image"}
        headers = [name for name, is_there in sides.items() if is_there]
        table = table_of("name", "parameters", *headers, "embed", "arXiv", title=title)
        for row in members:
            cells = {"pixels": pixels(row.image_size), "tokens": str(row.text_length)}
            shown = [cells[name] for name in headers]
            table.add_row(row.name, millions(row.parameters), *shown, str(row.embed_dim), _number(row.paper))
        output.show(table)
    output.show("mmzoo info NAME says more; weights start at random, and mmzoo.from_pretrained reads published ones.")
    output.print_json({"presets": [dataclasses.asdict(row) for row in rows]})


def show_preset(row: PresetRow, output: Output) -> None:
    """The row in full: the sizes of both towers, the preprocessing, and how to build it."""
    preset = find_preset(row.name)
    record: dict[str, Any] = dataclasses.asdict(row) | {"build": BUILD[row.kind].format(row.name)}
    towers: dict[str, ImageSizes | TextEncoderSizes] = {}
    if isinstance(preset, ClipPreset):
        towers = {"image": preset.image, "text": preset.text}
        record |= {name: getattr(preset, name) for name in ("loss", "image_projection", "text_projection")}
        record["preprocessing"] = dataclasses.asdict(preset.image_preset.preprocessing)
    else:
        towers = {row.kind: preset.sizes}
        if isinstance(preset, ImagePreset):
            record["preprocessing"] = dataclasses.asdict(preset.preprocessing)
    facts = {
        "parameters": f"{row.parameters:,}",
        "image size": pixels(row.image_size),
        "text length": row.text_length,
        "embedding": row.embed_dim,
        "loss": record.get("loss"),
        "preprocessing": described(record.get("preprocessing")),
        "sizes from": row.paper or "mmzoo's own",
    }
    table = table_of("", "", title=row.name)
    table.show_header = False
    for name, value in facts.items():
        if value not in (None, ""):
            table.add_row(name, str(value))
    output.show(table)
    for name, sizes in towers.items():
        output.show(sizes_table(name, sizes, record.get(f"{name}_projection")))
    output.show(record["build"])
    output.print_json(record | {name: dataclasses.asdict(sizes) for name, sizes in towers.items()})


def sizes_table(side: str, sizes: ImageSizes | TextEncoderSizes, projection: str | None = None) -> Table:
    """Everything its builder is told of an encoder, and the projection that follows it."""
    table = table_of("", "", title=f"{side}: {type(sizes).__name__}")
    table.show_header = False
    for name, value in dataclasses.asdict(sizes).items():
        if value is not None:
            shown = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            table.add_row(name.replace("_", " "), shown)
    if projection is not None:
        table.add_row("projection", projection)
    return table


def described(preprocessing: dict[str, Any] | None) -> str:
    """Of pictures, in words."""
    if preprocessing is None:
        return ""
    size, side = pixels(tuple(preprocessing["size"])), preprocessing["shortest_side"]
    if preprocessing["fit"] == "squash":
        return f"{preprocessing['interpolation']} to {size}, whatever the aspect ratio"
    return f"{preprocessing['interpolation']}, shortest side to {side or size}, centre {size}"


def pixels(size: tuple[int, int] | None) -> str:
    if size is None:
        return ""
    return str(size[0]) if size[0] == size[1] else f"{size[0]} x {size[1]}"


def millions(number: int) -> str:
    return f"{number / 1e6:,.1f} M"


def _number(paper: str) -> str:
    """Of the first arXiv paper named."""
    found = re.search(r"arXiv:(\d{4}\.\d{5})", paper)
    return found[1] if found else ""
