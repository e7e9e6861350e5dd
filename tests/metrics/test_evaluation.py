import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.metrics.pairwise import cosine_similarity

from mmzoo.metrics import (
    Evaluation,
    class_prompts,
    classification_evaluation,
    label_embeddings,
    nearest_other_margin,
    retrieval_evaluation,
    zero_shot_evaluation,
)

PICTURES = np.zeros((4, 2, 2, 3), "uint8")
IDS = np.zeros((4, 7), "int32")


def embeds(*rows):
    return np.array(rows, "float32")


def test_retrieval_is_recall_both_ways():
    evaluation = retrieval_evaluation(PICTURES, IDS[:3], positives=np.array([0, 0, 1]), ks=(1, 2))
    # Texts 0 and 1 belong to picture 0, text 2 to picture 1. Picture 0 finds text 1; picture 1 finds text 0 first, then
    # its own. Text 0 finds picture 1 first, then its own; text 1 and 2 find their own. Pictures 2 and 3 have no text.
    figures = evaluation.score(
        {
            "image_embeds": embeds([1, 0, 0], [0, 1, 0], [0, 0, -1], [0, 0, -1]),
            "text_embeds": embeds([0.5, 0.6, 0], [0.9, 0, 0], [0.1, 0.55, 0]),
        }
    )
    expected = {"recall@1_i2t": 0.5, "recall@2_i2t": 1.0, "recall@1_t2i": 2 / 3, "recall@2_t2i": 1.0}
    assert figures == pytest.approx(expected)
    assert (set(evaluation.inputs), evaluation.count) == ({"images", "token_ids"}, 3)


def test_zero_shot_averages_the_prompts_of_a_class_as_label_embeddings_does():
    generator = np.random.default_rng(0)
    prompts, pictures = generator.normal(size=(6, 8)), generator.normal(size=(50, 8))
    truth = generator.integers(0, 3, 50)
    evaluation = zero_shot_evaluation(np.zeros((50, 1)), truth, np.zeros((6, 7)), templates=2)
    figures = evaluation.score({"image_embeds": pictures, "text_embeds": prompts})
    labels, templates = ["cat", "dog", "cow"], ["a {}", "one {}"]
    rows = dict(zip(class_prompts(labels, templates), prompts, strict=True))
    classes = label_embeddings(lambda texts: np.stack([rows[text] for text in texts]), labels, templates)
    expected = accuracy_score(truth, cosine_similarity(pictures, classes).argmax(1))
    assert figures == {"zero_shot_top1": pytest.approx(expected)}
    assert evaluation.count == 50


def test_classification_counts_the_largest_and_no_ties():
    evaluation = classification_evaluation(PICTURES, [0, 1, 2, 0])
    figures = evaluation.score({"probabilities": embeds([0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0, 0, 1], [0.5, 0.5, 0])})
    assert figures == {"top1": 0.5}


def test_classification_of_nothing_but_nan_is_always_wrong():
    evaluation = classification_evaluation(PICTURES, [0, 1, 2, 0], output="logits")
    assert evaluation.score({"logits": np.full((4, 3), np.nan)}) == {"top1": 0.0}


def test_names_of_inputs_and_outputs_are_the_models_own():
    evaluation = retrieval_evaluation(
        PICTURES, IDS, image_input="pixels", text_input="ids", image_output="a", text_output="b"
    )
    assert (list(evaluation.inputs), evaluation.outputs) == (["pixels", "ids"], ("a", "b"))
    assert evaluation.score({"a": np.eye(4), "b": np.eye(4)}) == {"recall@1_i2t": 1.0, "recall@1_t2i": 1.0}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: retrieval_evaluation(PICTURES, IDS[:3]), "positives must be given unless each image has one text"),
        (lambda: retrieval_evaluation(PICTURES, IDS, ks=(0,)), "ks must be one or more counts of at least 1"),
        (lambda: retrieval_evaluation(PICTURES[:0], IDS[:0]), "inputs must hold at least one row each, received"),
        (
            lambda: zero_shot_evaluation(PICTURES, [0, 1, 0, 1], IDS, templates=3),
            "token_ids must hold 3 prompts for each class, at least 1, received 4 prompts",
        ),
        (lambda: zero_shot_evaluation(PICTURES, [0, 1, 0, 4], IDS), "labels must be from 0 to 3, received 0 to 4"),
        (lambda: classification_evaluation(PICTURES, [0, 1]), r"labels must be int \(4,\)"),
        (
            lambda: classification_evaluation(PICTURES, [0, 1, 0, 3]).score({"probabilities": np.ones((4, 3))}),
            "labels must be from 0 to 2, received 0 to 3",
        ),
        (
            lambda: classification_evaluation(PICTURES, [0, 1, 0, 3]).score({"probabilities": np.ones((3, 3))}),
            r"probabilities must have shape \(4, classes\), received \(3, 3\)",
        ),
        (lambda: Evaluation({"x": IDS}, (), dict, 4), "outputs and count must be at least one"),
        (lambda: Evaluation({}, ("y",), dict, 4), "inputs must hold at least one row each, received {}"),
    ],
)
def test_sets_that_cannot_be_scored_are_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_margin_by_hand():
    # Picture 1's own cosine is 0.8, picture 0's with it 0.6; picture 0 still points along itself: 1 - 0.
    assert nearest_other_margin(embeds([1, 0], [0, 1]), embeds([3, 0], [0.6, 0.8])) == pytest.approx(0.2)


def test_margin_is_negative_where_another_picture_is_nearer():
    assert nearest_other_margin(np.eye(2), embeds([1, 0], [0.8, 0.6])) == pytest.approx(-0.2)


def test_margin_does_not_depend_on_the_size_of_its_blocks(monkeypatch):
    generator = np.random.default_rng(0)
    expected = generator.normal(size=(40, 6))
    actual = expected + 0.3 * generator.normal(size=(40, 6))
    cosines = cosine_similarity(actual, expected)
    by_hand = min(cosines[i, i] - np.delete(cosines[i], i).max() for i in range(40))
    for rows in (7, 1024):
        monkeypatch.setattr("mmzoo.metrics.evaluation._ROWS", rows)
        assert nearest_other_margin(expected, actual) == pytest.approx(by_hand)


def test_margin_with_nan_is_nan():
    assert np.isnan(nearest_other_margin(np.eye(2), np.full((2, 2), np.nan)))


def test_one_picture_has_no_other():
    with pytest.raises(ValueError, match=r"N at least 2, received \(1, 2\) and \(1, 2\)"):
        nearest_other_margin(np.ones((1, 2)), np.ones((1, 2)))
