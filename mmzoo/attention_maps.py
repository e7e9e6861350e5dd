"""Where in a picture the words of a text look."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.atomic import whole_file
from mmzoo.data import resize
from mmzoo.models.captioner import Captioner, CoCa
from mmzoo.plots import show_attention
from mmzoo.tokenizer import Tokenizer

_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]+")
_COLUMNS = 5


@dataclass(frozen=True, eq=False)
class AttentionMap:
    """What words paid attention to.

    words: W strings, in the order of the text. weights (W, h, w) float32: the share of its attention that each word paid to each
    region, row by row from the top left, mean over blocks, heads and the word's tokens; what it paid to no region, but to the
    picture as a whole, is missing from the sum of 1. whole (h, w) float32: the same of the text's pooled place, which the answer is
    read from; of a captioner, the mean of all words. image (H, W, 3) in [0, 255]: the picture as the model saw it.
    """

    words: tuple[str, ...]
    weights: np.ndarray
    whole: np.ndarray
    image: np.ndarray


def attention_map(
    model: keras.Model, image: np.ndarray, text: str, *, word: str | None = None, path: str | Path | None = None
) -> AttentionMap:
    """Which regions of a picture the words of a text looked at, in the blocks of a fusion that attends, or which regions a captioner
    looked at before it wrote each word (drawn as in arXiv:1502.03044, section 5.4).

    model: a model with a trunk, such as a classifier, whose fusion is cross_attention or co_attention; or a captioner without a text
    encoder (no CoCa, which looks at mixtures of regions), and the text a caption, its own or another (`Tagged` where it was trained with
    tags). Where the regions ask (direction "image"), the weights are what each region paid to the word, and `whole` what it paid to all
    words.
    image (H, W, 3) in [0, 255]; of another size than the model's it is resized as the model's preprocessing says.
    word: gives only the places where this word stands, whatever its case. path: a PNG to draw, written whole or not at all.
    Attention shows where a block read, not why the model answered.
    Raises ValueError for another model, a fusion without attention, a model without tokenizer, a word that is not in the text, or an
    image encoder whose sequence is no grid.
    """
    is_captioner = isinstance(model, Captioner) and not isinstance(model, CoCa)
    if not hasattr(model, "trunk") and (not is_captioner or getattr(model, "text_encoder", None) is not None):
        raise ValueError(
            "model must have a trunk, as a classifier has, or be a captioner without a text encoder that looks at regions, "
            f"received {type(model).__name__}"
        )
    if model.tokenizer is None:
        raise ValueError(
            "model must have a tokenizer to read a text, received one without: tokenizer= of its builder gives it one"
        )
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image must have shape (H, W, 3), received {image.shape}")
    if image.shape[:2] != model.image_size:
        image = resize(np.clip(np.rint(image), 0, 255).astype("uint8"), model.image_preprocessing)
    ids = model.tokenizer([text], model.context_length)
    words = _words(model.tokenizer, ids[0].tolist())
    chosen = [index for index, (name, _) in enumerate(words) if word is None or name.casefold() == word.casefold()]
    if not chosen:
        received = repr(text) if word is None else repr(word)
        wanted = "text must have a word" if word is None else f"word must be one of {', '.join(n for n, _ in words)}"
        raise ValueError(f"{wanted}, received {received}")
    look = _look_of_captioner if is_captioner else _look_of_fusion
    shares, whole = look(model, {"images": image[None], "token_ids": ids})
    if whole is None:
        whole = shares[[position for _, positions in words for position in positions]].mean(0)
    grid = _grid(shares.shape[1], *image.shape[:2])
    weights = np.stack([shares[words[index][1]].mean(0).reshape(grid) for index in chosen])
    names = tuple(words[index][0] for index in chosen)
    found = AttentionMap(names, weights.astype("float32"), whole.reshape(grid).astype("float32"), image)
    if path is not None:
        _draw(found, path)
    return found


def _look_of_fusion(model: Any, inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
    """What each token (T, S) and the text's pooled place (S,) looked at."""
    fused = model.trunk.fuse(*model.trunk.encode(inputs, training=False), return_attention=True, training=False)
    shares, whole = (ops.convert_to_numpy(fused[name])[0].mean(0) for name in ("attention", "pooled_attention"))
    if getattr(model.trunk.fusion, "direction", None) == "image":
        shares, whole = shares.T, shares.sum(1)
    return shares, whole


def _look_of_captioner(model: Any, inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
    """What was looked at to write each token (T, S): the decoder's attention at the token before it, so nothing for the first."""
    sequence, mask = model.remember({"images": inputs["images"]})
    _, shares = model.decoder(inputs["token_ids"][:, :-1], sequence, memory_mask=mask, return_attention=True)
    shares = ops.convert_to_numpy(shares)[0]
    return np.concatenate([np.zeros_like(shares[:1]), shares]), None


def _words(tokenizer: Tokenizer, ids: list[int]) -> list[tuple[str, list[int]]]:
    """The words of a row of ids, each with the positions of its tokens; what adds nothing to be seen (pads, special tokens, spaces)
    belongs to none."""
    texts = tokenizer.decode([ids[:end] for end in range(len(ids) + 1)])
    found = list(_WORD.finditer(texts[-1]))
    words: list[tuple[str, list[int]]] = [(match.group(), []) for match in found]
    starts = [match.start() for match in found]
    for position, (before, after) in enumerate(pairwise(texts)):
        if before.strip() != after.strip():
            words[bisect_left(starts, len(after)) - 1][1].append(position)
    return [(name, positions) for name, positions in words if positions]


def _grid(count: int, height: int, width: int) -> tuple[int, int]:
    """(rows, columns) of so many regions on a picture, each as high as wide."""
    grids = {(height // step, width // step) for step in range(1, max(height, width) + 1)}
    grids |= {(-(-height // step), -(-width // step)) for step in range(1, max(height, width) + 1)}
    fitting = [grid for grid in grids if grid[0] * grid[1] == count]
    if len(fitting) != 1:
        raise ValueError(
            f"image_encoder must give a grid of square regions of its {height} x {width} pixels, received {count} regions"
        )
    return fitting[0]


def _draw(found: AttentionMap, path: str | Path) -> None:
    """The picture, then once for each word with the map over it; one scale for all."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

    height, width = found.image.shape[:2]
    maps = [("(whole text)", found.whole), *zip(found.words, found.weights, strict=True)]
    cells = len(maps) + 1
    columns = min(cells, _COLUMNS)
    rows = -(-cells // columns)
    figure = Figure(figsize=(1.8 * columns + 1, (1.8 * height / width + 0.4) * rows), dpi=110)
    axes = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for each in axes:
        each.set_axis_off()
    picture = np.clip(found.image, 0, 255).astype("uint8")
    axes[0].imshow(picture)
    highest = max(weights.max() for _, weights in maps)
    for each, (name, weights) in zip(axes[1:], maps, strict=False):
        shown = show_attention(each, picture, weights, highest)
        each.set_title(name, fontsize=9, parse_math=False)
    scale = ScalarMappable(shown.norm, shown.cmap)  # without the transparency
    figure.colorbar(scale, ax=axes, fraction=0.03, pad=0.02, label="share of attention")
    with whole_file(path) as partial:
        figure.savefig(partial, format="png", bbox_inches="tight")
