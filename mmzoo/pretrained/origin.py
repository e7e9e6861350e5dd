"""What a model remembers of the file it came from, so that writing it back changes nothing that training did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import keras
import numpy as np

from mmzoo.pretrained.checkpoint import Checkpoint
from mmzoo.pretrained.families import Family
from mmzoo.pretrained.links import Link

_DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True)
class Origin:
    """family: its name. dtypes: of each tensor by name. extras: tensors without a meaning for the model, such as counters."""

    family: str
    dtypes: Mapping[str, str]
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(
        cls, checkpoint: Checkpoint, model: keras.Model, links: Sequence[Link], family: Family, *, resized: bool
    ) -> Origin:
        """What is worth remembering of a checkpoint, under the names that writing gives; float64 is remembered as float32.

        resized: whether the pictures have another size than in the file, where numbered positions would be too many or too few.
        """
        written = family.links(model, ())
        dtypes = {
            new.name: _DTYPES.get(checkpoint.tensors[old.name].dtype, "float32")
            for old, new in zip(links, written, strict=True)
        }
        # Files of a model with a head put the encoder's name before each of its own.
        pairs = ((old.name, new.name) for old, new in zip(links, written, strict=True))
        prefix = next((old.removesuffix(new) for old, new in pairs if old.endswith(new)), "")
        ignored = [name for name in checkpoint.tensors if family.ignored(name)]
        ignored = [name for name in ignored if not (resized and name.endswith("position_ids"))]
        return cls(family.name, dtypes, {name.removeprefix(prefix): checkpoint.read(name) for name in ignored})
