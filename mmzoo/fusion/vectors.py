"""What the fusions of vectors share: the picture's one vector meets the text's, and each of its positions'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops


def check_width(width: int) -> int:
    """Raises ValueError for a width under 1."""
    if width < 1:
        raise ValueError(f"width must be at least 1, received {width}")
    return width


def text_size(text_shape: Any) -> int:
    """The size of a text's vectors. Raises ValueError where pooled and sequence differ: one set of weights reads both."""
    pooled, sequence = text_shape["pooled"][-1], text_shape["sequence"][-1]
    if pooled != sequence:
        raise ValueError(f"text's pooled and sequence must have one size to be fused, received {pooled} and {sequence}")
    return int(pooled)


def fuse_vectors(fuse: Callable[[Any, Any], Any], image: Any, text: Any) -> dict[str, Any]:
    """`fuse` of (picture, text) vectors on the pooled pair, and on the picture with each position of the text."""
    picture = image["pooled"]
    pooled, sequence = fuse(picture, text["pooled"]), fuse(picture[:, None, :], text["sequence"])
    return {"sequence": sequence, "pooled": pooled, "mask": ops.cast(text["mask"], "bool")}


def refuse_attention(name: str, return_attention: bool) -> None:
    """Raises ValueError where attention is asked of a fusion that has none."""
    if return_attention:
        raise ValueError(f"fusion must be cross_attention or co_attention to have attention, received {name}")
