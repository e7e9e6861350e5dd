import numpy as np
import pytest
from PIL import Image

from mmzoo.metrics import AblationReport, classification_report
from mmzoo.plots import (
    plot_ablation,
    plot_calibration,
    plot_captions,
    plot_confusion,
    plot_gallery,
    plot_loss,
    plot_precision_recall,
    plot_similarity,
)

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), "uint8")


REPORT = classification_report([0, 1, 1, 0], [[0.9, 0.1, 0], [0.2, 0.8, 0], [0.6, 0.4, 0], [0.7, 0.2, 0.1]])
SEVERAL = classification_report([[0, 1], [1, 1]], [[0.2, 0.7], [0.4, 0.9]])
SCORES = classification_report([0, 1], [[-1.0, 3.0], [2.0, 1.0]])


def test_plots_are_pngs_and_nothing_else_is_left(tmp_path):
    plot_loss({"loss": [2.0, 1.0], "val_loss": [2.1, 1.5]}, tmp_path / "loss.png")
    plot_similarity(np.eye(3, 2), PICTURES, ["a circle", "a square"], tmp_path / "similarity.png")
    plot_gallery(["a circle", "a square"], [PICTURES, PICTURES[:1]], tmp_path / "gallery.png")
    looks = [[("a", np.ones((2, 2)) / 4), ("circle", np.eye(2) / 2)], []]
    said = [{"reference": "a circle", "greedy": "a $circle^"}, {"reference": "a square", "greedy": "the square " * 9}]
    plot_captions(list(PICTURES[:2]), said, tmp_path / "captions.png", looks)
    plot_captions(list(PICTURES[:2]), said, tmp_path / "captions_alone.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("captions.png", "captions_alone.png", "gallery.png", "loss.png", "similarity.png"),
    ]
    for path in tmp_path.iterdir():
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 50


def test_reports_are_drawn(tmp_path):
    plot_confusion(REPORT, tmp_path / "confusion.png")
    plot_precision_recall(SEVERAL, tmp_path / "precision_recall.png")
    plot_calibration(REPORT, tmp_path / "calibration.png")
    plot_ablation(AblationReport(9, "accuracy", 0.9, (0.5, 0.6), (0.4, 0.4), 0.5), tmp_path / "ablation.png")
    plot_confusion(classification_report(np.arange(60), np.eye(60)), tmp_path / "many.png")
    assert len(list(tmp_path.iterdir())) == 5
    for path in tmp_path.iterdir():
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 200


@pytest.mark.parametrize(
    ("plot", "report", "message"),
    [
        (plot_confusion, SEVERAL, "must have a confusion matrix, received one of the task multi-label"),
        (plot_calibration, SCORES, "must have a calibration"),
        (plot_precision_recall, classification_report([0.5, 1.0], [0.4, 0.2]), "must have a class that occurs"),
    ],
)
def test_what_a_report_does_not_have_is_not_drawn(plot, report, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        plot(report, tmp_path / "plot.png")
    assert not list(tmp_path.iterdir())
