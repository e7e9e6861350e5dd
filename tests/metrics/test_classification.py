"""Judged by scikit-learn where it has the figure, by numbers worked out by hand where not."""

import json

import numpy as np
import pytest
import sklearn.metrics as judge
from sklearn.calibration import calibration_curve

from mmzoo.metrics.classification import classification_report

RNG = np.random.default_rng(0)
TARGETS = RNG.integers(0, 4, 200)
LOGITS = RNG.normal(size=(200, 4)) + 1.5 * np.eye(4)[TARGETS]
PROBABILITIES = (np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)).astype("float32")
SAID = PROBABILITIES.argmax(1)


def figures(report):
    return {figure.name: figure.value for figure in report.figures}


def chances(report):
    return {figure.name: figure.chance for figure in report.figures}


def classes(report, name):
    return [getattr(each, name) for each in report.per_class]


class TestOneClassEach:
    report = classification_report(TARGETS, PROBABILITIES)

    def test_accuracy_precision_recall_and_f1_are_scikit_learns(self):
        precision, recall, f1, _ = judge.precision_recall_fscore_support(TARGETS, SAID, average="macro")
        found = figures(self.report)
        assert found["accuracy"] == judge.accuracy_score(TARGETS, SAID)
        assert [found["precision"], found["recall"], found["f1"]] == pytest.approx([precision, recall, f1], abs=1e-12)

    def test_each_class_is_scikit_learns(self):
        precision, recall, f1, count = judge.precision_recall_fscore_support(TARGETS, SAID)
        assert classes(self.report, "precision") == pytest.approx(list(precision), abs=1e-12)
        assert classes(self.report, "recall") == pytest.approx(list(recall), abs=1e-12)
        assert classes(self.report, "f1") == pytest.approx(list(f1), abs=1e-12)
        assert classes(self.report, "count") == list(count)

    def test_auc_is_the_share_of_pairs_in_the_right_order(self):
        own, others = PROBABILITIES[TARGETS == 2, 2], PROBABILITIES[TARGETS != 2, 2]
        assert self.report.per_class[2].roc_auc == pytest.approx(np.mean(own[:, None] > others), abs=1e-12)
        macro = judge.roc_auc_score(TARGETS, PROBABILITIES, multi_class="ovr", average="macro")
        assert figures(self.report)["roc_auc"] == pytest.approx(macro, abs=1e-12)

    def test_average_precision_is_scikit_learns(self):
        macro = judge.average_precision_score(np.eye(4)[TARGETS], PROBABILITIES, average="macro")
        assert figures(self.report)["average_precision"] == pytest.approx(macro, abs=1e-12)

    def test_the_confusion_matrix_has_a_row_a_true_class(self):
        np.testing.assert_array_equal(self.report.confusion, judge.confusion_matrix(TARGETS, SAID))

    def test_calibration_bins_are_scikit_learns(self):
        right, confidence = SAID == TARGETS, PROBABILITIES.max(1)
        accuracy, mean = calibration_curve(right, confidence, n_bins=15)
        bins = [each for each in self.report.calibration.bins if each.count]
        assert [each.accuracy for each in bins] == pytest.approx(list(accuracy))
        assert [each.confidence for each in bins] == pytest.approx(list(mean), abs=1e-6)

    def test_chance_is_what_naming_the_most_frequent_class_reaches(self):
        constant = np.full(200, np.bincount(TARGETS).argmax())
        _, recall, f1, _ = judge.precision_recall_fscore_support(TARGETS, constant, average="macro", zero_division=0)
        share = np.bincount(TARGETS).max() / 200
        expected = {"accuracy": share, "precision": share, "recall": recall, "f1": f1}
        expected |= {"roc_auc": 0.5, "average_precision": 0.25}
        assert chances(self.report) == pytest.approx(expected)


def test_a_share_is_not_rounded_to_float32():
    probabilities = np.eye(2)[[0] * 19 + [1]]
    assert figures(classification_report(np.zeros(20, int), probabilities))["accuracy"] == 0.95
    assert classification_report(np.zeros(20, int), probabilities).per_class[0].recall == 0.95


def test_the_expected_calibration_error_by_hand():
    # 0.8 twice, right once: |0.5 - 0.8|; 0.6 twice, right twice: |1 - 0.6|; each weighs a half.
    probabilities = [[0.8, 0.2], [0.8, 0.2], [0.4, 0.6], [0.4, 0.6]]
    report = classification_report([0, 1, 1, 1], probabilities)
    assert report.calibration.error == pytest.approx(0.5 * 0.3 + 0.5 * 0.4)


def test_a_probability_on_an_edge_belongs_to_the_bin_below():
    report = classification_report([0, 0], [[1.0, 0.0], [0.6, 0.4]])
    counts = {round(each.high, 3): each.count for each in report.calibration.bins if each.count}
    assert counts == {0.6: 1, 1.0: 1}


def test_the_precision_recall_curve_by_hand():
    report = classification_report([1, 0, 1], [[0.1, 0.9], [0.4, 0.6], [0.7, 0.3]])
    curve = report.per_class[1].curve
    points = set(zip(curve.recall.tolist(), curve.precision.tolist(), strict=True))
    assert {(1.0, 2 / 3), (0.5, 1.0), (0.0, 1.0)} <= points


class TestAClassThatNeverOccurs:
    report = classification_report([0, 0, 1], np.eye(4)[[0, 2, 1]], ("cat", "dog", "owl", "eel"))

    def test_what_is_not_defined_is_none(self):
        assert classes(self.report, "precision") == [1.0, 1.0, 0.0, None]
        assert classes(self.report, "recall") == [0.5, 1.0, None, None]
        assert classes(self.report, "f1") == [pytest.approx(2 / 3), 1.0, 0.0, None]
        assert classes(self.report, "roc_auc") == [0.75, 1.0, None, None]
        assert classes(self.report, "average_precision")[2:] == [None, None]

    def test_the_mean_is_over_the_classes_for_which_it_is_defined(self):
        found = figures(self.report)
        assert found["precision"] == pytest.approx(2 / 3)
        assert found["recall"] == 0.75
        assert found["f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)
        assert found["roc_auc"] == 0.875

    def test_the_table_has_a_dash(self):
        row = next(line for line in str(self.report).splitlines() if line.startswith("eel"))
        assert row.split() == ["eel", "0", "-", "-", "-", "-", "-"]

    def test_json_has_null(self):
        record = json.loads(json.dumps(self.report.to_dict()))
        assert record["per_class"][3]["recall"] is None
        assert record["confusion"] == [[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
        assert record["accuracy_chance"] == pytest.approx(2 / 3)


def test_where_one_class_alone_occurs_there_is_no_auc():
    report = classification_report([1, 1], [[0.2, 0.8], [0.6, 0.4]])
    assert "roc_auc" not in figures(report)
    assert figures(report)["accuracy"] == 0.5


class TestOneColumnForTwoClasses:
    def test_a_probability_decides_at_one_half(self):
        report = classification_report([0, 1, 1], [[0.4], [0.5], [0.9]], ("no", "yes"))
        np.testing.assert_array_equal(report.confusion, [[1, 0], [1, 1]])
        assert report.calibration is not None

    def test_a_score_decides_at_zero(self):
        report = classification_report([0, 1, 1], np.array([-2.0, 0.3, 4.0]))
        assert figures(report)["accuracy"] == 1
        assert report.calibration is None

    def test_what_is_given_decides_wherever_the_scores_lie(self):
        targets, scores = [1, 1, 1, 0], np.array([0.2, 0.3, 0.9, 0.1])
        assert figures(classification_report(targets, scores))["accuracy"] == 0.5
        report = classification_report(targets, scores, threshold=0)
        assert figures(report)["accuracy"] == 0.75
        assert report.calibration is None
        assert figures(classification_report(targets, scores, threshold=0.15))["accuracy"] == 1


def test_hinge_scores_have_no_calibration_and_the_same_accuracy():
    report = classification_report(TARGETS, LOGITS)
    assert report.calibration is None
    assert figures(report)["accuracy"] == judge.accuracy_score(TARGETS, SAID)


def test_kinds_have_their_own_accuracy_and_chance():
    report = classification_report([0, 1, 1, 1], np.eye(2)[[0, 0, 1, 1]], kinds=["a", "b", "b", "a"])
    assert [(k.kind, k.count, k.value, k.chance) for k in report.per_kind] == [("a", 2, 1.0, 0.5), ("b", 2, 0.5, 1.0)]


class TestSeveralLabelsEach:
    truth = RNG.integers(0, 2, (100, 3))
    probabilities = np.clip(0.3 * truth + RNG.uniform(0, 0.7, (100, 3)), 0, 1)
    report = classification_report(truth, probabilities, ("red", "round", "big"))

    def test_figures_are_scikit_learns(self):
        said = self.probabilities > 0.5
        expected = {
            "accuracy": judge.accuracy_score(self.truth, said),
            "f1_micro": judge.f1_score(self.truth, said, average="micro"),
            "precision": judge.precision_score(self.truth, said, average="macro"),
            "recall": judge.recall_score(self.truth, said, average="macro"),
            "f1": judge.f1_score(self.truth, said, average="macro"),
            "roc_auc": judge.roc_auc_score(self.truth, self.probabilities, average="macro"),
            "average_precision": judge.average_precision_score(self.truth, self.probabilities, average="macro"),
        }
        found = figures(self.report)
        del found["top1"]
        assert found == pytest.approx(expected, abs=1e-12)
        assert self.report.confusion is None

    def test_the_auc_of_a_label(self):
        expected = judge.roc_auc_score(self.truth[:, 1], self.probabilities[:, 1])
        assert self.report.per_class[1].roc_auc == pytest.approx(expected, abs=1e-12)

    def test_chance_is_the_most_frequent_set(self):
        report = classification_report([[1, 0], [1, 0], [1, 1]], np.zeros((3, 2)))
        assert chances(report)["accuracy"] == pytest.approx(2 / 3)
        assert chances(report)["f1_micro"] == pytest.approx(2 * 3 / (2 * 3 + 0 + 1))

    def test_soft_targets_score_the_most_probable_label(self):
        # As VQA counts: the answer given by one of three is right by a third.
        report = classification_report([[1.0, 0.3], [0.0, 1.0]], [[0.2, 0.4], [0.1, 0.9]], ("yes", "no"))
        assert figures(report)["top1"] == pytest.approx((0.3 + 1.0) / 2)
        assert chances(report)["top1"] == pytest.approx(1.3 / 2)

    def test_soft_targets_come_first_with_it_and_have_no_exact_set(self):
        targets, probabilities = [[1.0, 0.3], [1.0, 0.0], [0.0, 1.0]], [[0.4, 0.3], [0.3, 0.4], [0.3, 0.4]]
        report = classification_report(targets, probabilities, ("yes", "no"), kinds=["a", "b", "b"])
        assert report.figures[0].name == "top1"
        assert "accuracy" not in figures(report)
        # The targets of the second kind are whole; its figure is the table's all the same.
        assert [(kind.value, kind.chance) for kind in report.per_kind] == [(1.0, 1.0), (0.5, 0.5)]


class TestNumbers:
    def test_error_and_r2_are_scikit_learns_beside_the_constants(self):
        truth, said = RNG.normal(size=50), RNG.normal(size=(50, 1))
        report = classification_report(truth, said)
        assert figures(report)["mean_absolute_error"] == pytest.approx(judge.mean_absolute_error(truth, said))
        assert figures(report)["r2"] == pytest.approx(judge.r2_score(truth, said))
        median = np.full(50, np.median(truth))
        assert chances(report)["mean_absolute_error"] == pytest.approx(judge.mean_absolute_error(truth, median))
        assert chances(report)["r2"] == judge.r2_score(truth, np.full(50, truth.mean())) == 0

    def test_targets_that_never_vary_have_no_r2(self):
        report = classification_report(np.ones(3), np.array([1.0, 2.0, 3.0]), kinds=["a", "a", "b"])
        assert figures(report) == {"mean_absolute_error": 1.0}
        assert "mean_absolute_error" in str(report)
        assert report.per_kind[1].value == 2


@pytest.mark.parametrize(
    ("targets", "probabilities", "options", "message"),
    [
        ([0, 2], np.eye(2), {}, "targets must be from 0 to 1, received 0 to 2"),
        ([0, -1], np.eye(2), {}, "received -1 to 0"),
        ([0], np.eye(2), {}, r"one row for each of 2 examples, received int64 \(1,\)"),
        ([0, 1], [[0.5, np.nan], [0.5, 0.5]], {}, "nan or infinity for 1 of 2 examples"),
        ([], np.zeros((0, 2)), {}, "at least one example"),
        ([0, 1], np.zeros((2, 2, 2)), {}, r"must be numbers \(N, C\)"),
        ([0, 1], np.eye(2), {"label_names": ["a"]}, "label_names must be 2"),
        ([0, 1], np.eye(2), {"kinds": ["a"]}, "kinds must be 2 strings"),
        ([0.0, 1.0], np.eye(2), {"label_names": ["a", "b"]}, "must be int"),
        ([0.0, 1.0], np.eye(2), {}, "or integers that index the classes"),
        ([[0, 1]], [[0.2, 1.2]], {}, "from 0 to 1 for several labels"),
        ([[0, 2]], [[0.2, 0.2]], {}, "targets must be from 0 to 1 each"),
        ([[0.1, np.nan]], [[0.2, 0.2]], {}, "must be finite"),
        (["a", "b"], np.eye(2), {}, "targets must be numbers"),
    ],
)
def test_a_mistake_gets_one_sentence(targets, probabilities, options, message):
    with pytest.raises(ValueError, match=message):
        classification_report(np.asarray(targets), probabilities, **options)
