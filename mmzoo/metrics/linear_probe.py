"""How much of the classes a linear classifier finds in a frozen model's features."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.metrics.figures import Figure, figure_table
from mmzoo.metrics.zero_shot import check_labels

if TYPE_CHECKING:
    import keras

Labelled = tuple[np.ndarray, Sequence[int] | np.ndarray]

_HELD_OUT = 0.2  # of the training pictures, where there is no validation set
_STEPS_PER_DECADE = 8
_MAX_ITERATIONS = 1000
_WORTH_THREADS = 10**7  # numbers


@dataclass(frozen=True)
class LinearProbeReport:
    """Accuracy of a linear classifier, and the C it was chosen with.

    figures: "top1" with what guessing reaches: always the class that is the most frequent in training. c: the inverse of the L2
    penalty, scikit-learn's C, on features of mean square 1. validation: the accuracy that C was chosen by. per_class: None for a
    class without a test picture.
    """

    images: int
    classes: int
    features: int
    c: float
    validation: float
    figures: tuple[Figure, ...]
    per_class: tuple[float | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """Flat and ready for JSON: "top1", "top1_chance", "c", "validation", "images", "classes", "features", "per_class"."""
        values = {figure.name: figure.value for figure in self.figures}
        chances = {f"{figure.name}_chance": figure.chance for figure in self.figures}
        counts = {"images": self.images, "classes": self.classes, "features": self.features}
        return (
            values | chances | counts | {"c": self.c, "validation": self.validation, "per_class": list(self.per_class)}
        )

    def __str__(self) -> str:
        counts = f"{self.images} images, {self.classes} classes, {self.features} features, C {self.c:.3g}"
        return f"{counts}\n{figure_table(self.figures)}"


def linear_probe(
    model: keras.Model,
    train: Labelled,
    test: Labelled,
    *,
    validation: Labelled | None = None,
    output: str = "pooled",
    batch_size: int = 64,
    seed: int = 0,
) -> LinearProbeReport:
    """Logistic regression on a model's features, by the protocol of CLIP (arXiv:2103.00020, section 3.2 and appendix A.3).

    model: a functional model with one input. A CLIP's image_encoder gives the features before the projection, as in the paper;
    its image_tower with output="image_embeds" those after it. output: which of several outputs the features are, (N, D) each.
    train, test, validation: (images (N, H, W, 3) in [0, 255], labels (N,) int from 0). L-BFGS of at most 1,000 iterations; C from
    1e-6 to 1e6, 8 steps a decade, by the accuracy on validation, which is then trained on too. Without one, a fifth of train, drawn
    with seed, stands in. Features are divided by their root mean square, one number, so that the range of C fits any. The model
    stays as it is.
    Chance, beside the accuracy, is what naming the most frequent class of the training pictures reaches among them.
    Raises TypeError for what is no (images, labels); ValueError for a model with several inputs or without that output, labels
    that do not fit, or fewer than two classes.
    """
    sets = [train, test] if validation is None else [train, test, validation]
    for each in sets:
        if not isinstance(each, (tuple, list)) or len(each) != 2:
            raise TypeError(
                f"train, test and validation must be (images, labels), such as (pairs.images, pairs.labels), received a "
                f"{type(each).__name__}"
            )
    labels = [check_labels(each[1], len(each[0]), np.iinfo(np.int64).max) for each in sets]
    if not all(map(len, labels)):
        raise ValueError(
            f"train, test and validation must hold a picture each, received {[len(each) for each in labels]}"
        )
    encode = _encoder(model, output, batch_size)
    x, x_test, *x_validation = [encode(np.asarray(each[0])) for each in sets]
    y, y_test, *y_validation = labels
    scale = max(float(np.sqrt(np.mean(np.square(x)))), np.finfo(np.float32).tiny)
    x, x_test, x_validation = x / scale, x_test / scale, [each / scale for each in x_validation]
    if validation is None:
        order = np.random.default_rng(seed).permutation(len(y))
        held_out = round(len(y) * _HELD_OUT)
        fitted, chosen_on = (x[order[held_out:]], y[order[held_out:]]), (x[order[:held_out]], y[order[:held_out]])
    else:
        fitted, chosen_on = (x, y), (x_validation[0], y_validation[0])
        x, y = np.concatenate([x, x_validation[0]]), np.concatenate([y, y_validation[0]])
    if not len(chosen_on[1]) or len(np.unique(fitted[1])) < 2:
        raise ValueError(f"train must hold pictures of two classes and some to choose C by, received {len(labels[0])}")
    c, accuracy = _best_c(lambda c: float(np.mean(_fit(*fitted, c).predict(chosen_on[0]) == chosen_on[1])))
    right = _fit(x, y, c).predict(x_test) == y_test
    classes = int(max(y.max(), y_test.max())) + 1
    per_class = tuple(
        float(right[y_test == each].mean()) if (y_test == each).any() else None for each in range(classes)
    )
    chance = float(np.bincount(y).max() / len(y))
    figure = Figure("top1", float(right.mean()), chance)
    return LinearProbeReport(len(y_test), classes, x.shape[1], c, accuracy, (figure,), per_class)


def _encoder(model: keras.Model, output: str, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    import keras

    if len(model.inputs) != 1:
        names = [each.name for each in model.inputs]
        raise ValueError(f"model must have one input, such as a CLIP's image_encoder, received {names}")
    outputs = model.output
    if isinstance(outputs, dict) and output not in outputs:
        raise ValueError(f"output must be one of {', '.join(outputs)}, received {output!r}")
    features = outputs[output] if isinstance(outputs, dict) else outputs
    if len(features.shape) != 2:
        raise ValueError(f"output must have shape (N, D), received {tuple(features.shape)}")
    # Sequences of whole data sets, which the probe does not look at, would not fit into memory.
    encoder = keras.Model(model.inputs[0], features)
    return lambda images: np.asarray(encoder.predict(images, batch_size=batch_size, verbose=0), np.float32)


def _fit(x: np.ndarray, y: np.ndarray, c: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    # On fewer numbers threads wait for one another longer than they compute, on a busy machine fifty times longer.
    threads = 1 if x.size < _WORTH_THREADS else None
    with threadpool_limits(threads, "blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the protocol stops there
        return LogisticRegression(C=c, max_iter=_MAX_ITERATIONS).fit(x, y)


def _best_c(accuracy: Callable[[float], float]) -> tuple[float, float]:
    """The C with the highest accuracy, and that: from every second decade, halving the distance around the peak (appendix A.3)."""
    found: dict[int, float] = {}
    step = 2 * _STEPS_PER_DECADE
    widest = 6 * _STEPS_PER_DECADE
    places = list(range(-widest, widest + 1, step))
    while step:
        for place in places:
            if place not in found and -widest <= place <= widest:
                found[place] = accuracy(10 ** (place / _STEPS_PER_DECADE))
        best = max(found, key=lambda place: (found[place], -place))  # of equals the strongest penalty
        step //= 2
        places = [best - step, best + step]
    return float(10 ** (best / _STEPS_PER_DECADE)), found[best]
