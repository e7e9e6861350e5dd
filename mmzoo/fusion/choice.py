"""From a name to the layer."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.fusion.add import AddFusion
from mmzoo.fusion.bilinear import BilinearFusion
from mmzoo.fusion.co_attention import CoAttentionFusion
from mmzoo.fusion.concat import ConcatFusion
from mmzoo.fusion.cross_attention import CrossAttentionFusion
from mmzoo.fusion.early_concat import EarlyConcatFusion
from mmzoo.fusion.gated import GatedFusion
from mmzoo.fusion.late import LateFusion

FUSIONS: dict[str, type[keras.layers.Layer]] = {
    "concat": ConcatFusion,
    "early_concat": EarlyConcatFusion,
    "add": AddFusion,
    "gated": GatedFusion,
    "bilinear": BilinearFusion,
    "cross_attention": CrossAttentionFusion,
    "co_attention": CoAttentionFusion,
    "late": LateFusion,
}


def build_fusion(fusion: str | keras.layers.Layer, width: int, *, dtype: Any = None) -> keras.layers.Layer:
    """The layer of a name, of that width and dtype policy, with its other sizes by default; a layer is returned as it is.

    Raises ValueError for a name that is not in FUSIONS, TypeError for what is neither a name nor a layer.
    """
    if isinstance(fusion, keras.layers.Layer):
        return fusion
    if not isinstance(fusion, str):
        raise TypeError(f"fusion must be one of {', '.join(FUSIONS)} or a layer of mmzoo.fusion, received {fusion!r}")
    if fusion not in FUSIONS:
        raise ValueError(f"fusion must be one of {', '.join(FUSIONS)}, received {fusion!r}")
    return FUSIONS[fusion](width, dtype=dtype, name="fusion")
