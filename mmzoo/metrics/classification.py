"""How well a model classifies: one report for single labels, several labels, scores and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mmzoo.metrics.answers import Answers, check_answers
from mmzoo.metrics.calibration import measure_calibration
from mmzoo.metrics.figures import Figure
from mmzoo.metrics.task_report import ClassFigures, KindFigure, PrecisionRecallCurve, TaskReport


def classification_report(
    targets: Any,
    probabilities: Any,
    label_names: Sequence[str] = (),
    *,
    kinds: Sequence[str] | None = None,
    threshold: float | None = None,
) -> TaskReport:
    """How right a model's answers are, class by class, beside one and the same answer to every example.

    probabilities: (N, C), or (N,) or (N, 1) for one column. targets decide what is measured:
    int (N,) in [0, C), one class each. The answer is the class with the highest number (the first of equals); one column
    decides between two classes, the second being the one above `threshold`. Default: 0.5 where all numbers are in [0, 1], else 0;
    give 0 for an SVM's scores (the head "hinge"), all of which may lie there.
    Figures: accuracy; precision, recall, F1, ROC-AUC (one class against the rest) and average precision, each the mean over the
    classes for which it is defined (see ClassFigures); confusion matrix; calibration where rows are distributions, so not of
    hinge scores.
    int or bool (N, C), or with label_names float in [0, 1], any of C labels each: one is true above 0.5, and said above 0.5.
    Figures: accuracy (of the whole set of labels; not where a target is between 0 and 1); top1, the mean target of the most probable
    label (with VQA's soft targets its accuracy, arXiv:1505.00468); f1_micro, of all decisions together; and the means above.
    float (N,) or (N, C) without label_names, numbers: mean absolute error, in the targets' unit, and R2 over the columns that vary.
    Chance beside each figure is what a constant reaches: always the most frequent class or set of labels (the best single
    label for top1), for numbers the median (the mean for R2), with the same score for every example. A figure that is defined for no class
    is left out. kinds: (N,) str, what each example is about: the first figure is then also given for each.
    Raises ValueError for shapes that do not fit, labels out of range, and predictions that are no finite numbers.
    """
    answers = check_answers(targets, probabilities, label_names, threshold)
    per_kind = () if kinds is None else _by_kind(answers, kinds)
    count = len(answers.truth)
    if answers.task == "regression":
        return TaskReport(answers.task, count, (answers.main_figure(), *_r2(answers)), (), per_kind)
    said = np.broadcast_to(answers.most_frequent, answers.truth.shape)
    constant = replace(answers, said=said, scores=said.astype(np.float64))
    per_class = _class_figures(answers)
    several = answers.task == "multi-label"
    figures = (
        answers.main_figure(),
        *([answers.top1()] if several and not answers.soft else []),
        *(_micro_f1(answers, constant) if several else []),
        *_macro(per_class, _class_figures(constant)),
    )
    if several:
        return TaskReport(answers.task, count, figures, per_class, per_kind)
    confusion = (answers.truth.T.astype(np.float64) @ answers.said.astype(np.float64)).astype(np.int64)
    calibration = None
    if answers.are_probabilities:
        calibration = measure_calibration(np.clip(answers.scores.max(axis=1), 0, 1), answers.right)
    return TaskReport(answers.task, count, figures, per_class, per_kind, confusion, calibration)


def _class_figures(answers: Answers) -> tuple[ClassFigures, ...]:
    # Keras's own metrics are kept where they are exact, which for these is the counting: its quotients are float32, 0.95 is
    # 0.94999999 there, and its AUC goes by a few hundred thresholds, so the rankings are scikit-learn's.
    from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

    right, wrong, missed = _counts(answers.truth, answers.said)
    per_class = []
    for index, name in enumerate(answers.names):
        truth, scores = answers.truth[:, index], answers.scores[:, index]
        occurs, is_always = bool(truth.any()), bool(truth.all())
        curve = (
            PrecisionRecallCurve(*precision_recall_curve(truth, scores, drop_intermediate=True)[:2]) if occurs else None
        )
        per_class.append(
            ClassFigures(
                name,
                count=int(truth.sum()),
                said=int(answers.said[:, index].sum()),
                precision=_share(right[index], right[index] + wrong[index]),
                recall=_share(right[index], right[index] + missed[index]),
                f1=_share(2 * right[index], 2 * right[index] + wrong[index] + missed[index]),
                roc_auc=float(roc_auc_score(truth, scores)) if occurs and not is_always else None,
                average_precision=float(average_precision_score(truth, scores)) if occurs else None,
                curve=curve,
            )
        )
    return tuple(per_class)


def _counts(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """True positives, false positives and false negatives of each column: float64 (3, C)."""
    import keras

    counter = keras.metrics.F1Score(average=None, threshold=0.5, dtype="float32")
    counter.update_state(truth.astype(np.float32), said.astype(np.float32))
    counts = (counter.true_positives, counter.false_positives, counter.false_negatives)
    return np.stack([keras.ops.convert_to_numpy(each) for each in counts]).astype(np.float64)


def _macro(per_class: Sequence[ClassFigures], constant: Sequence[ClassFigures]) -> list[Figure]:
    """Means over the classes for which a figure is defined, beside those of the constant answer."""
    figures = []
    for name in ("precision", "recall", "f1", "roc_auc", "average_precision"):
        value, chance = (_mean([getattr(each, name) for each in classes]) for classes in (per_class, constant))
        if value is not None:
            figures.append(Figure(name, value, chance or 0.0))  # naming no label at all has no precision
    return figures


def _micro_f1(answers: Answers, constant: Answers) -> list[Figure]:
    """F1 of all decisions together; none where there is neither a true nor a said label."""
    values = []
    for each in (answers, constant):
        right, wrong, missed = _counts(each.truth, each.said).sum(axis=1)
        values.append(_share(2 * right, 2 * right + wrong + missed))
    return [] if values[0] is None else [Figure("f1_micro", values[0], values[1] or 0.0)]


def _r2(answers: Answers) -> list[Figure]:
    from sklearn.metrics import r2_score  # Keras's sums of squares are float32 and cancel

    varies = np.ptp(answers.truth, axis=0) > 0
    if not varies.any():
        return []
    return [Figure("r2", float(r2_score(answers.truth[:, varies], answers.said[:, varies])), 0.0)]


def _by_kind(answers: Answers, kinds: Sequence[str]) -> tuple[KindFigure, ...]:
    values = np.asarray(kinds, dtype=object)
    if values.shape != (len(answers.truth),) or not all(isinstance(kind, str) for kind in values):
        raise ValueError(f"kinds must be {len(answers.truth)} strings, one an example, received {values.shape}")
    found = []
    for kind in dict.fromkeys(values):
        part = answers.part(values == kind)
        figure = part.main_figure()
        found.append(KindFigure(kind, len(part.truth), figure.value, figure.chance))
    return tuple(found)


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
