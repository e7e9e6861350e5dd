"""What goes into a tensor program and what comes out: plain data shared by models, exporters and bundles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmzoo.presets import ImagePreprocessing
    from mmzoo.tokenizer import Tokenizer


@dataclass(frozen=True)
class TensorSpec:
    """One named tensor: shape with None for a free axis, dtype name, and the range its values are drawn from, if it has one."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    range: tuple[float, float] | None = None

    @property
    def described_shape(self) -> str:
        """For a person: "(batch, 224, 224, 3)"."""
        return f"({', '.join(['batch', *('any' if side is None else str(side) for side in self.shape[1:])])})"


@dataclass(frozen=True)
class RawImages:
    """Encoded pictures (JPEG, PNG), which become the tensor input of this name as the preprocessing says."""

    input: str
    preprocessing: ImagePreprocessing


@dataclass(frozen=True)
class RawTexts:
    """Strings, which become the token ids (B, length) of the tensor input of this name."""

    input: str
    tokenizer: Tokenizer
    length: int


@dataclass(frozen=True)
class RawWords:
    """Strings, which are made of the token ids (B, T), the start first, of the tensor output of this name; None: nothing can make them."""

    output: str
    tokenizer: Tokenizer | None


@dataclass(frozen=True)
class RawPictures:
    """PNG files, which are made of the pictures (B, H, W, 3) uint8 of the tensor output of this name."""

    output: str


LOGITS = "logits"
"""The output of a part with a Writing that the next token is chosen by."""


@dataclass(frozen=True)
class Writing:
    """What a loop outside must know to write texts, one token after the other, with a part that gives the logits of the next.

    start_id begins a text, end_id ends it, pad_id fills the rest. unwritten_ids: tokens that are never chosen. language_ids: tokens
    that may stand behind the start, such as {"en": 5}. context_length: the most tokens of a text, start and end included.
    """

    start_id: int
    end_id: int
    pad_id: int
    context_length: int
    unwritten_ids: tuple[int, ...] = ()
    language_ids: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """A Keras model that is exported on its own, with its inputs as the artifact declares them.

    The declared dtype may be narrower than the Keras input (uint8 pictures for a float32 input); exporters cast.
    raw: what users have in place of some of its tensor inputs, at most one of each kind; raw artifacts take that.
    any_size: its outputs may be of any size, so files are judged by how far they are off in proportion.
    writing: of a part that gives the logits of the next token, how texts are written with it; the manifest says so.
    pictures: outputs that are pictures in [0, 255]. Of whole numbers one may be rounded the other way; quantized files are judged by
    how many levels they are off.
    raw_output: its output as users have it. Such a part is written in its raw form alone, under its own name: of the formats only
    SavedModels have strings.
    """

    model: Any
    inputs: tuple[TensorSpec, ...]
    raw: tuple[RawImages | RawTexts, ...] = ()
    any_size: bool = False
    writing: Writing | None = None
    pictures: tuple[str, ...] = ()
    raw_output: RawWords | RawPictures | None = None
