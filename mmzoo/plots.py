"""Pictures of how well a model works, as PNG files."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.atomic import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mmzoo.bundle import MeasuredArtifact, Measurement
    from mmzoo.metrics import AblationReport, TaskReport

_COLOURS = {"saved_model": "tab:orange", "tflite": "tab:blue", "onnx": "tab:green"}
_MOST_NUMBERS = 20  # classes whose numbers fit into the cells of a confusion matrix
_MOST_LEGEND = 10  # classes that colours tell apart
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


def plot_captions(
    pictures: Sequence[np.ndarray],
    texts: Sequence[Mapping[str, str]],
    path: str | Path,
    looks: Sequence[Sequence[tuple[str, np.ndarray]]] = (),
) -> None:
    """One row a picture (H, W, 3): it, its texts by name ("reference", "greedy", ...), and where each word looked.

    looks: for each picture, words with a map (h, w) of the share of attention each, as in an AttentionMap; every picture has a
    scale of its own.
    """
    looks = looks or [()] * len(pictures)
    words = max(map(len, looks))
    figure = _figure(1.2 + 3.6 + 1.0 * words, 1.25 * len(pictures))
    grid = figure.add_gridspec(
        len(pictures), 2 + words, width_ratios=(1.2, 3.6, *[1.0] * words), hspace=0.3, wspace=0.06
    )
    for row, (picture, said, look) in enumerate(zip(pictures, texts, looks, strict=True)):
        cells = [figure.add_subplot(grid[row, column]) for column in range(2 + len(look))]
        for cell in cells:
            cell.set_axis_off()
        picture = np.clip(picture, 0, 255).astype("uint8")
        cells[0].imshow(picture)
        lines = [textwrap.fill(f"{name}: {text}", 44) for name, text in said.items()]
        cells[1].text(0.02, 0.5, "\n".join(lines), ha="left", va="center", fontsize=7, parse_math=False)
        highest = max((weights.max() for _, weights in look), default=1)
        for cell, (name, weights) in zip(cells[2:], look, strict=True):
            show_attention(cell, picture, weights, highest)
            cell.set_title(name, fontsize=7, pad=2, parse_math=False)
    _save(figure, path)


def show_attention(axes: Axes, picture: np.ndarray, weights: np.ndarray, highest: float) -> Any:
    """Draws a map (h, w) of shares of attention, up to `highest`, over a picture (H, W, 3); returns what a colour bar is made of."""
    height, width = picture.shape[:2]
    axes.imshow(picture.mean(-1), cmap="gray", vmin=0, vmax=255)
    whole = (-0.5, width - 0.5, height - 0.5, -0.5)
    return axes.imshow(
        weights, cmap="inferno", vmin=0, vmax=highest, alpha=0.65, interpolation="bilinear", extent=whole
    )


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


def plot_confusion(report: TaskReport, path: str | Path) -> None:
    """The confusion matrix: a row a true class, a column an answer, coloured by the share of the row.

    Raises ValueError for a report without one, of several labels each or of numbers.
    """
    if report.confusion is None:
        raise ValueError(f"report must have a confusion matrix, received one of the task {report.task}")
    names = [each.name for each in report.per_class]
    shares = report.confusion / np.maximum(report.confusion.sum(axis=1, keepdims=True), 1)
    side = min(0.4 * len(names) + 2, 14)
    figure = _figure(side + 0.8, side)
    axes = figure.add_subplot()
    shown = axes.imshow(shares, cmap="viridis", vmin=0, vmax=1)
    # Past so many the labels would cover one another.
    step = -(-len(names) // 40)
    places = range(0, len(names), step)
    axes.set_xticks(places, names[::step], fontsize=8, rotation=90)
    axes.set_yticks(places, names[::step], fontsize=8)
    axes.set(xlabel="answer", ylabel="true class")
    if len(names) <= _MOST_NUMBERS:
        for row, column in np.ndindex(shares.shape):
            colour = "black" if shares[row, column] > 0.6 else "white"
            axes.text(
                column, row, str(report.confusion[row, column]), ha="center", va="center", fontsize=7, color=colour
            )
    figure.colorbar(shown, ax=axes, fraction=0.045, pad=0.03, label="share of the true class")
    _save(figure, path)


def plot_precision_recall(report: TaskReport, path: str | Path) -> None:
    """A precision-recall curve for each class that occurs, with its average precision.

    Raises ValueError for a report without classes, or where none occurs.
    """
    drawn = [(each, each.curve) for each in report.per_class if each.curve is not None]
    if not drawn:
        raise ValueError(f"report must have a class that occurs, received one of the task {report.task} without")
    figure = _figure(5.5, 4.5)
    axes = figure.add_subplot()
    for each, curve in drawn:
        label = f"{each.name} ({each.average_precision:.3f})"
        axes.plot(curve.recall, curve.precision, drawstyle="steps-post", linewidth=1.2, label=label)
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.grid(alpha=0.3)
    if len(drawn) <= _MOST_LEGEND:
        axes.legend(fontsize=8, title="average precision", title_fontsize=8)
    _save(figure, path)


def plot_calibration(report: TaskReport, path: str | Path) -> None:
    """Accuracy of the examples by their highest probability, beside the diagonal, and how many there are (arXiv:1706.04599).

    Raises ValueError for a report without calibration.
    """
    if report.calibration is None:
        raise ValueError("report must have a calibration, received one of a model that gives no probabilities")
    bins = report.calibration.bins
    middles, width = [(each.low + each.high) / 2 for each in bins], bins[0].high - bins[0].low
    figure = _figure(5, 5.5)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot((0, 1), (0, 1), color="gray", linestyle="--", label="calibrated")
    upper.bar(middles, [each.accuracy or 0 for each in bins], width, edgecolor="white", label="accuracy")
    filled = [each for each in bins if each.count]
    upper.plot(
        [each.confidence for each in filled], [each.accuracy for each in filled], "o", color="tab:orange", markersize=4
    )
    upper.set(ylabel="accuracy", ylim=(0, 1.02), title=f"expected calibration error {report.calibration.error:.3f}")
    upper.legend(fontsize=8, loc="upper left")
    lower.bar(middles, [each.count for each in bins], width, edgecolor="white")
    lower.set(xlabel="highest probability", ylabel="examples", xlim=(0, 1))
    _save(figure, path)


def plot_ablation(report: AblationReport, path: str | Path) -> None:
    """A bar for the model as it is and with either modality shuffled, whiskers to the lowest and highest shuffle, and chance."""
    *bars, (_, chance, _, _) = report.rows()
    names, means, lowest, highest = zip(*bars, strict=True)
    figure = _figure(5, 3.5)
    axes = figure.add_subplot()
    reach = [np.subtract(means, lowest), np.subtract(highest, means)]
    drawn = axes.bar(names, means, yerr=reach, capsize=4, color=["tab:green", "tab:blue", "tab:orange"])
    axes.bar_label(drawn, fmt="{:.3f}", padding=3, fontsize=8)
    axes.axhline(chance, color="gray", linestyle="--", label=f"chance {chance:.3f}")
    axes.set(ylabel=report.metric.replace("_", " "), ylim=(0, 1.1 * max(*highest, chance) or 1))
    axes.legend(fontsize=8)
    _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110, layout=None)


def _save(figure: Figure, path: str | Path) -> None:
    with whole_file(path) as partial:
        figure.savefig(partial, format="png", bbox_inches="tight")
