import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import recall_score, top_k_accuracy_score

from mmzoo.metrics import label_embeddings, zero_shot_accuracy

TEXTS = {"a cat": [3, 0], "two cats": [0, 5], "a dog": [1, 0], "two dogs": [1, 0]}


def encode(texts):
    return np.array([TEXTS[text] for text in texts], float)


def test_a_class_is_the_mean_of_its_unit_prompts():
    # cat: the mean of (1, 0) and (0, 1) points along (1, 1), although one prompt is longer than the other.
    expected = [[np.sqrt(0.5), np.sqrt(0.5)], [1, 0]]
    np.testing.assert_allclose(label_embeddings(encode, ["cat", "dog"], ["a {}", "two {}s"]), expected, rtol=1e-6)


def test_prompts_take_braces_in_labels_as_text():
    seen = []
    label_embeddings(lambda texts: seen.extend(texts) or np.ones((len(texts), 2)), ["{0}", "a{}"], ["{} or {}"])
    assert seen == ["{0} or {0}", "a{} or a{}"]


@pytest.mark.parametrize(
    ("labels", "templates", "error", "message"),
    [
        ("cat", ["a {}"], TypeError, "labels must be a list of str, received the single str 'cat'"),
        (["cat"], "a {}", TypeError, "templates must be a list of str, received the single str 'a {}'"),
        ([], ["a {}"], ValueError, "labels must hold at least one, received none"),
        (["cat"], [], ValueError, "templates must hold at least one, received none"),
        (["cat"], ["a {}", "a photo"], ValueError, "templates must have {} where the label goes, received 'a photo'"),
    ],
)
def test_prompts_that_cannot_be_made_are_errors(labels, templates, error, message):
    with pytest.raises(error, match=message):
        label_embeddings(encode, labels, templates)


def test_an_encoder_that_loses_a_prompt_is_an_error():
    with pytest.raises(ValueError, match=r"encode_text must return \(2, E\), received \(1, 4\)"):
        label_embeddings(lambda texts: np.ones((1, 4)), ["a", "b"], ["{}"])


def test_accuracy_by_hand():
    images = np.array([[1.0, 0.2, 0], [0.9, 1.0, 0], [0.8, 0.5, 0], [0, 0, 1]])
    report = zero_shot_accuracy(images, np.eye(3), [0, 0, 1, 2], ks=(1, 2))
    assert [(figure.name, figure.value, figure.chance) for figure in report.figures] == [
        ("top1", 0.5, 1 / 3),
        ("top2", 1.0, 2 / 3),
    ]
    assert report.per_class == (0.5, 0.0, 1.0)
    assert str(report).splitlines() == [
        "4 images, 3 classes",
        "metric   value  chance",
        "top1    0.5000  0.3333",
        "top2    1.0000  0.6667",
    ]


def test_a_class_without_an_image_has_no_accuracy():
    report = zero_shot_accuracy(np.eye(3)[:1], np.eye(3), [0])
    assert report.per_class == (1.0, None, None)
    assert json.loads(json.dumps(report.to_dict()))["per_class"] == [1.0, None, None]


def test_constant_and_nan_similarities_are_never_right():
    for images in (np.ones((4, 2)), np.full((4, 2), np.nan)):
        report = zero_shot_accuracy(images, np.ones((3, 2)), [0, 1, 2, 0], ks=(1, 2))
        assert [figure.value for figure in report.figures] == [0.0, 0.0]


def test_accuracy_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    images, classes = rng.normal(size=(200, 16)).astype(np.float32), rng.normal(size=(7, 16)).astype(np.float32)
    labels = rng.integers(0, 7, 200)
    scores = images @ classes.T
    report = zero_shot_accuracy(images, classes, labels, ks=(1, 3, 5))
    for k, figure in zip((1, 3, 5), report.figures, strict=True):
        assert figure.value == pytest.approx(top_k_accuracy_score(labels, scores, k=k))
    assert report.per_class == pytest.approx(recall_score(labels, scores.argmax(1), average=None))


@pytest.mark.parametrize(
    ("images", "classes", "labels", "ks", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), [0, 1], (1,), r"embeds must be \(N, E\) and \(C, E\), received"),
        (np.ones((0, 3)), np.ones((2, 3)), [], (1,), r"embeds must be \(N, E\) and \(C, E\), received \(0, 3\)"),
        (np.ones((2, 3)), np.ones((2, 3)), [0], (1,), r"labels must be int \(2,\), received int64 \(1,\)"),
        (np.ones((2, 3)), np.ones((2, 3)), [0.0, 1.0], (1,), r"labels must be int \(2,\), received float64"),
        (np.ones((2, 3)), np.ones((2, 3)), [0, 2], (1,), "labels must be from 0 to 1, received 0 to 2"),
        (np.ones((2, 3)), np.ones((2, 3)), [0, 1], (1, 3), r"at least 1 and at most 2, received \[1, 3\]"),
    ],
)
def test_what_does_not_fit_is_an_error(images, classes, labels, ks, message):
    with pytest.raises(ValueError, match=message):
        zero_shot_accuracy(images, classes, labels, ks)


def test_the_functions_need_no_keras():
    code = "import sys, mmzoo.metrics; sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
