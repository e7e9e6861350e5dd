"""Which family a folder's checkpoint is of, and what its configuration says, without its weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmzoo.presets import ClipPreset
from mmzoo.pretrained.checkpoint import Checkpoint, find_stem, open_checkpoint
from mmzoo.pretrained.families import FAMILIES, Family, Sizes
from mmzoo.pretrained.preprocessing.fields import read_json

KERAS, HUGGING_FACE, OPEN_CLIP = "model.keras", "config.json", "open_clip_config.json"
STEMS = {"hf": ("model",), "open_clip": ("open_clip_model", "open_clip_pytorch_model", "model")}


@dataclass(frozen=True)
class Found:
    """A checkpoint's folder, the family it is of, and its configuration as the file has it."""

    folder: Path
    family: Family
    path: Path
    config: Mapping[str, Any]

    def sizes(self, names: Collection[str]) -> Sizes:
        """The sizes to build, for a file with tensors of these names. Raises ValueError that names the configuration's file."""
        try:
            sizes = self.family.sizes(self.config, names)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{self.path}: {error}") from error
        parts: tuple[Any, ...] = (sizes.image, sizes.text) if isinstance(sizes, ClipPreset) else (sizes,)
        for part in parts:
            depth = part.depth if hasattr(part, "depth") else sum(part.depths)
            if depth > len(names):
                raise ValueError(f"{self.path} must have at most as many blocks as there are tensors, received {depth}")
        return sizes


def recognise(folder: Path) -> Found:
    """The checkpoint of a folder; transformers' files go before open_clip's where both are whole.

    Raises FileNotFoundError without a configuration, ValueError for a damaged one or a model_type that mmzoo cannot read.
    """
    hugging_face, open_clip = folder / HUGGING_FACE, folder / OPEN_CLIP
    config = read_json(hugging_face) if hugging_face.is_file() else {}
    kind = config.get("model_type")
    transformers = next((family for family in FAMILIES if kind in family.model_types), None)
    if open_clip.is_file() and (transformers is None or not _has_weights(folder, "hf")):
        family = next(family for family in FAMILIES if family.format == "open_clip")
        return Found(folder, family, open_clip, read_json(open_clip))
    if transformers is not None:
        return Found(folder, transformers, hugging_face, config)
    if not hugging_face.is_file():
        raise FileNotFoundError(f"{folder} must have {HUGGING_FACE} or {OPEN_CLIP}, found neither")
    if kind is None and "architecture" in config:
        raise ValueError(f"{hugging_face} must be transformers', received timm's, whose models mmzoo does not read")
    known = ", ".join(kind for family in FAMILIES for kind in family.model_types)
    raise ValueError(f"{hugging_face} must have a model_type among {known}, received {kind!r}")


def open_found(found: Found) -> Checkpoint:
    """The tensors of a recognised checkpoint. Raises as open_checkpoint does."""
    return open_checkpoint(found.folder, find_stem(found.folder, STEMS[found.family.format]))


def image_sizes(sizes: Sizes) -> Any:
    """The sizes of the encoder of pictures, or None where there is none."""
    part = sizes.image if isinstance(sizes, ClipPreset) else sizes
    return part if hasattr(part, "image_size") else None


def _has_weights(folder: Path, format: str) -> bool:
    return any(
        (folder / f"{stem}.safetensors{suffix}").is_file() for stem in STEMS[format] for suffix in ("", ".index.json")
    )
