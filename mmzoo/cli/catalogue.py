"""The commands that say what there is: list, of presets, and info, of one of them or of a directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmzoo.cli.output import JsonFlag, Output

Subject = Annotated[
    str,
    typer.Argument(
        metavar="NAME|DIR",
        help="A preset of mmzoo list, or a directory: a bundle, a run, or a checkpoint of transformers or open_clip.",
        show_default=False,
    ),
]


def list_presets(json: JsonFlag = False) -> None:
    """List the presets: what build_clip and train --preset take, with parameters, sizes and papers."""
    from mmzoo.cli.preset_tables import show_presets
    from mmzoo.presets import list_presets as rows

    show_presets(rows(), Output(json))


def info(subject: Subject, json: JsonFlag = False) -> None:
    """Say what a preset is, or what a bundle, a run or a checkpoint holds. Runs nothing and loads no weights."""
    path, output = Path(subject), Output(json)
    if not path.is_dir():
        _info_of_preset(subject, output)
        return
    from mmzoo.bundle.manifest import MANIFEST
    from mmzoo.cli.runs import is_checkpoint, read_config

    if (path / MANIFEST).is_file():
        _info_of_bundle(path, output)
    elif (config := read_config(path)) is not None:
        from mmzoo.cli.run_tables import show_run

        show_run(path, config, output)
    elif is_checkpoint(path):
        from mmzoo.cli.checkpoint_tables import describe, show_checkpoint
        from mmzoo.cli.runs import start_keras

        start_keras()
        show_checkpoint(describe(path), output)
    else:
        raise FileNotFoundError(
            f"info must be given a preset, a bundle, a run or a checkpoint, and {path} has no {MANIFEST}, config.json or "
            "open_clip_config.json"
            + (": a model.keras is loaded with --model" if (path / "model.keras").exists() else "")
        )


def _info_of_preset(name: str, output: Output) -> None:
    from mmzoo.cli.preset_tables import show_preset
    from mmzoo.presets import list_presets as rows
    from mmzoo.presets import near_names

    row = next((row for row in rows() if row.name == name), None)
    if row is None:
        hint = near_names(name, [row.name for row in rows()])
        raise FileNotFoundError(
            f"info must be given a preset of mmzoo list or a directory, and {name} is neither{hint}"
        )
    show_preset(row, output)


def _info_of_bundle(directory: Path, output: Output) -> None:
    from mmzoo.bundle import read_manifest
    from mmzoo.bundle.manifest import encode_manifest
    from mmzoo.cli.bundle_tables import show_manifest

    manifest = read_manifest(directory)
    if output.as_json:
        print(encode_manifest(manifest), end="")
    else:
        show_manifest(manifest, output)
