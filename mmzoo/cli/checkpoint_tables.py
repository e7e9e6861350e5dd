"""What info says of a checkpoint of another library, from its configuration and the headers of its weights."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmzoo.cli.output import Output, table_of
from mmzoo.cli.preset_tables import described, sizes_table
from mmzoo.presets import ClipPreset, ImagePreprocessing, count_parameters
from mmzoo.pretrained.families import Sizes
from mmzoo.pretrained.preprocessing import read_preprocessing
from mmzoo.pretrained.recognition import image_sizes, open_found, recognise
from mmzoo.pretrained.tokenizers import read_tokenizer


@dataclass(frozen=True)
class Description:
    """parameters: trainable ones of the model that from_pretrained builds. stored: numbers in the files by dtype.

    preprocessing, vocab_size: what the files say of pictures, and their tokenizer's; None where the family's default stands in,
    or where there is no such side.
    """

    directory: Path
    format: str
    family: str
    sizes: Sizes
    parameters: int
    stored: dict[str, int]
    preprocessing: ImagePreprocessing | None
    vocab_size: int | None


def describe(directory: Path) -> Description:
    """Raises what from_pretrained would for files that cannot be read, except for tensors that do not fit."""
    found = recognise(directory)
    checkpoint = open_found(found)
    sizes = found.sizes(checkpoint.tensors)
    stored: Counter[str] = Counter()
    for tensor in checkpoint.tensors.values():
        stored[tensor.dtype] += math.prod(tensor.shape)
    pictures = None if image_sizes(sizes) is None else read_preprocessing(directory)
    texts = None
    if found.family.tokenizer is not None:
        texts = read_tokenizer(directory, pad_id=found.family.pad_id(found.config))
    return Description(
        directory,
        found.family.format,
        found.family.name,
        sizes,
        count_parameters(sizes),
        dict(stored),
        None if pictures is None else pictures.image,
        None if texts is None else texts.vocab_size,
    )


def show_checkpoint(checkpoint: Description, output: Output) -> None:
    """One table of facts, and one a tower."""
    sizes = checkpoint.sizes
    towers: dict[str, Any] = {"image": sizes} if image_sizes(sizes) else {"text": sizes}
    if isinstance(sizes, ClipPreset):
        towers = {"image": sizes.image, "text": sizes.text}
    fields = None if checkpoint.preprocessing is None else dataclasses.asdict(checkpoint.preprocessing)
    facts = {
        "format": checkpoint.format,
        "family": checkpoint.family,
        "parameters": f"{checkpoint.parameters:,}",
        "stored": ", ".join(f"{number:,} numbers in {dtype}" for dtype, number in checkpoint.stored.items()),
        "load": f'mmzoo.from_pretrained("{checkpoint.directory}")',
    }
    if isinstance(sizes, ClipPreset):
        facts |= {"embedding": str(sizes.embed_dim), "loss": sizes.loss}
    if "image" in towers:
        facts["preprocessing"] = described(fields) or "not in the files: the family's default stands in"
    if "text" in towers:
        vocabulary = checkpoint.vocab_size
        missing = "not in the files: the family's, where the hub's cache has it"
        facts["tokenizer"] = missing if vocabulary is None else f"{vocabulary:,} tokens"
    table = table_of("", "", title=str(checkpoint.directory))
    table.show_header = False
    for name, value in facts.items():
        table.add_row(name, value)
    output.show(table)
    for side, tower in towers.items():
        projection = getattr(sizes, f"{side}_projection") if isinstance(sizes, ClipPreset) else None
        output.show(sizes_table(side, tower, projection))
    record = dataclasses.asdict(checkpoint) | {"directory": str(checkpoint.directory)}
    record["sizes"] = {side: dataclasses.asdict(tower) for side, tower in towers.items()}
    if isinstance(sizes, ClipPreset):
        record |= {"embed_dim": sizes.embed_dim, "loss": sizes.loss}
    output.print_json(record)
