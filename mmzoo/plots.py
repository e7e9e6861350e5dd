"""Pictures of how well a model works, as PNG files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.atomic import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mmzoo.bundle import MeasuredArtifact, Measurement

_COLOURS = {"saved_model": "tab:orange", "tflite": "tab:blue", "onnx": "tab:green"}
_COSTS: dict[str, Callable[[MeasuredArtifact], float]] = {
    "median latency (ms)": lambda measured: 1e3 * measured.singles()[-1].p50,
    "size (MB)": lambda measured: measured.artifact.bytes / 1e6,
    "peak memory (MB)": lambda measured: measured.singles()[-1].peak_bytes / 1e6,
}


def plot_loss(history: Mapping[str, Sequence[float]], path: str | Path) -> None:
    """The loss of every epoch, with the validation loss where there is one."""
    figure = _figure(6, 4)
    axes = figure.add_subplot()
    for name, label in (("loss", "training"), ("val_loss", "validation")):
        if name in history:
            axes.plot(range(1, len(history[name]) + 1), history[name], label=label)
    axes.set(xlabel="epoch", ylabel="contrastive loss (nats)", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, path)


def plot_similarity(similarity: np.ndarray, images: np.ndarray, texts: Sequence[str], path: str | Path) -> None:
    """A heat map of cosines: similarity (images, texts) in [-1, 1], the pictures (N, H, W, 3) along the top, the texts at the side."""
    count = len(images)
    figure = _figure(0.62 * count + 3.5, 0.45 * len(texts) + 1.6)
    grid = figure.add_gridspec(2, count, height_ratios=(1, max(len(texts) * 0.6, 1)), hspace=0.03, wspace=0.08)
    for index, image in enumerate(images):
        axes = figure.add_subplot(grid[0, index])
        axes.imshow(image)
        axes.set_axis_off()
    axes = figure.add_subplot(grid[1, :])
    shown = axes.imshow(similarity.T, cmap="viridis", vmin=-1, vmax=1, aspect="auto")
    axes.set_yticks(range(len(texts)), texts, fontsize=8)
    axes.set_xticks([])
    for row, column in np.ndindex(similarity.T.shape):
        value = similarity[column, row]
        axes.text(
            column, row, f"{value:.1f}", ha="center", va="center", fontsize=6, color="black" if value > 0.4 else "white"
        )
    figure.colorbar(shown, ax=axes, fraction=0.03, pad=0.01, label="cosine")
    _save(figure, path)


def plot_gallery(queries: Sequence[str], pictures: Sequence[np.ndarray], path: str | Path) -> None:
    """One row a query: its text and the pictures found for it, best first; pictures[i] is (K, H, W, 3)."""
    best = max(len(found) for found in pictures)
    figure = _figure(best * 0.9 + 3, len(queries) * 0.95)
    grid = figure.add_gridspec(len(queries), best + 1, width_ratios=(3, *[0.9] * best), hspace=0.08, wspace=0.05)
    for row, (query, found) in enumerate(zip(queries, pictures, strict=True)):
        axes = figure.add_subplot(grid[row, 0])
        axes.text(0.97, 0.5, query, ha="right", va="center", fontsize=9, wrap=True)
        axes.set_axis_off()
        for column, picture in enumerate(found, 1):
            axes = figure.add_subplot(grid[row, column])
            axes.imshow(picture)
            axes.set_axis_off()
    _save(figure, path)


def plot_costs(measurement: Measurement, path: str | Path) -> None:
    """A row of bars a part: latency of the smallest batch with the most threads, size, and peak memory of each file."""
    parts: dict[str, list[MeasuredArtifact]] = {}
    for measured in measurement.artifacts:
        if measured.timings:
            parts.setdefault(measured.artifact.part, []).append(measured)
    heights = [len(members) + 2 for members in parts.values()]
    figure = _figure(12, 0.35 * sum(heights))
    grid = figure.add_gridspec(len(parts), len(_COSTS), height_ratios=heights, hspace=0.4, wspace=0.1)
    for row, (part, members) in enumerate(parts.items()):
        labels = [f"{measured.artifact.format} {measured.artifact.precision}" for measured in members]
        colours = [_COLOURS[measured.artifact.format] for measured in members]
        for column, (name, cost) in enumerate(_COSTS.items()):
            axes = figure.add_subplot(grid[row, column])
            values = [cost(measured) for measured in members]
            axes.bar_label(axes.barh(range(len(values)), values, color=colours), fmt="{:.3g}", padding=3, fontsize=8)
            axes.set_yticks(range(len(values)), labels if column == 0 else [], fontsize=8)
            axes.set_title(f"{part}: {name}", fontsize=9)
            axes.tick_params(axis="x", labelsize=7)
            axes.margins(x=0.2)
            axes.invert_yaxis()
    _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110, layout=None)


def _save(figure: Figure, path: str | Path) -> None:
    with whole_file(path) as partial:
        figure.savefig(partial, format="png", bbox_inches="tight")
