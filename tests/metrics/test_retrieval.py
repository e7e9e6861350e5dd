import json
import tracemalloc

import numpy as np
import pytest
from scipy.stats import hypergeom
from sklearn.metrics import coverage_error, top_k_accuracy_score

from mmzoo.metrics import (
    chance_precision_at_k,
    chance_recall_at_k,
    precision_at_k,
    recall_at_k,
    retrieval,
    retrieval_report,
    retrieval_report_from_embeds,
)

# Two captions an image. By hand: image 0 has its own at ranks 1 and 4, image 1 at 2 and 3, image 2 at 5 and 6.
SIMILARITY = np.array(
    [
        [0.9, 0.3, 0.5, 0.4, 0.2, 0.1],
        [0.8, 0.1, 0.7, 0.6, 0.0, 0.2],
        [0.9, 0.8, 0.7, 0.6, 0.1, 0.2],
    ]
)
IMAGE_OF_TEXT = np.array([0, 0, 1, 1, 2, 2])


def test_recall_from_image_to_text_by_hand():
    assert recall_at_k(SIMILARITY, IMAGE_OF_TEXT, (1, 2, 4, 5)) == pytest.approx({1: 1 / 3, 2: 2 / 3, 4: 2 / 3, 5: 1.0})


def test_precision_from_image_to_text_by_hand():
    expected = {1: 1 / 3, 2: (1 + 1 + 0) / 6, 3: (1 + 2 + 0) / 9, 5: (2 + 2 + 1) / 15, 6: 6 / 18, 12: 6 / 36}
    assert precision_at_k(SIMILARITY, IMAGE_OF_TEXT, tuple(expected)) == pytest.approx(expected)


def test_recall_from_text_to_image_by_hand():
    # Every text has its image second: texts 1 and 4 by value, the others by a tie at the top.
    expected = {1: 0.0, 2: 1.0, 3: 1.0}
    assert recall_at_k(SIMILARITY, IMAGE_OF_TEXT, (1, 2, 3), query="text") == pytest.approx(expected)


def test_precision_from_text_to_image_by_hand():
    assert precision_at_k(SIMILARITY, IMAGE_OF_TEXT, (2,), query="text") == {2: 0.5}


def test_a_matrix_of_positives_says_the_same_as_indices():
    matrix = np.arange(3)[:, None] == IMAGE_OF_TEXT
    for query in ("image", "text"):
        for measure in (recall_at_k, precision_at_k):
            assert measure(SIMILARITY, matrix, query=query) == measure(SIMILARITY, IMAGE_OF_TEXT, query=query)


@pytest.mark.parametrize("query", ["image", "text"])
def test_constant_similarity_finds_nothing(query):
    constant = np.full((20, 20), 0.5, np.float32)
    assert recall_at_k(constant, ks=(1, 10, 19), query=query) == {1: 0.0, 10: 0.0, 19: 0.0}
    assert precision_at_k(constant, ks=(1, 20), query=query) == {1: 0.0, 20: 1 / 20}


def test_a_tie_counts_against_the_positive():
    # Two of five tie at the third place, one of them positive: it is third at worst only if k holds both.
    similarity = np.array([[0.9, 0.8, 0.5, 0.5, 0.1]])
    positives = np.array([[False, False, True, False, False]])
    assert recall_at_k(similarity, positives, (3, 4)) == {3: 0.0, 4: 1.0}
    both = np.array([[False, False, True, True, False]])
    assert precision_at_k(similarity, both, (3, 4)) == {3: pytest.approx(1 / 3), 4: 0.5}


def test_nan_never_counts_as_found():
    assert set(recall_at_k(np.full((6, 6), np.nan), ks=(1, 5)).values()) == {0.0}
    perfect = np.eye(6)
    perfect[2, 2] = np.nan
    assert recall_at_k(perfect, ks=(1,)) == {1: pytest.approx(5 / 6)}
    perfect = np.eye(6)
    perfect[2, 3] = np.nan
    assert recall_at_k(perfect, ks=(1,)) == {1: pytest.approx(5 / 6)}


def test_recall_of_pairs_is_top_k_accuracy_of_scikit_learn():
    similarity = np.random.default_rng(1).normal(size=(60, 60))
    for k in (1, 5, 10, 59):
        expected = top_k_accuracy_score(np.arange(60), similarity, k=k)
        assert recall_at_k(similarity, ks=(k,))[k] == pytest.approx(expected)
        expected = top_k_accuracy_score(np.arange(60), similarity.T, k=k)
        assert recall_at_k(similarity, ks=(k,), query="text")[k] == pytest.approx(expected)


def test_ties_are_counted_as_the_coverage_error_of_scikit_learn_does():
    similarity = np.random.default_rng(2).integers(0, 4, (50, 50)).astype(np.float32)
    worst_rank = [coverage_error(np.eye(50)[i : i + 1], similarity[i : i + 1]) for i in range(50)]
    for k in (1, 7, 20, 40):
        assert recall_at_k(similarity, ks=(k,))[k] == pytest.approx(np.mean(np.array(worst_rank) <= k))


def test_the_result_does_not_depend_on_blocks(monkeypatch):
    rng = np.random.default_rng(3)
    images, texts = rng.normal(size=(37, 8)).astype(np.float32), rng.normal(size=(91, 8)).astype(np.float32)
    positives = rng.integers(0, 37, 91)
    whole = retrieval_report(images @ texts.T, positives)
    monkeypatch.setattr(retrieval, "_BLOCK", 200)
    assert retrieval_report(images @ texts.T, positives) == whole
    assert retrieval_report_from_embeds(images, texts, positives) == whole


def test_memory_does_not_grow_with_the_matrix():
    rng = np.random.default_rng(4)
    images, texts = rng.normal(size=(4000, 4)).astype(np.float32), rng.normal(size=(8000, 4)).astype(np.float32)
    positives = np.arange(8000) // 2
    tracemalloc.start()
    retrieval_report_from_embeds(images, texts, positives, ks=(1,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4000 * 8000 * 2  # bytes: half of the float32 matrix alone


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8])
def test_any_real_dtype_ranks_the_same(dtype):
    similarity = np.random.default_rng(5).permutation(100).reshape(10, 10)
    assert recall_at_k(similarity.astype(dtype)) == recall_at_k(similarity.astype(np.float32))


def test_queries_without_a_positive_are_left_out():
    similarity = np.array([[0.9, 0.1], [0.2, 0.3], [0.5, 0.6]])
    assert recall_at_k(similarity, np.array([0, 0]), (1,)) == {1: 1.0}
    report = retrieval_report(similarity, np.array([0, 0]), (1,)).to_dict()
    assert (report["recall@1_i2t"], report["recall@1_i2t_chance"]) == (1.0, 1.0)
    assert (report["recall@1_t2i"], report["recall@1_t2i_chance"]) == (0.5, pytest.approx(1 / 3))


def test_chance_of_recall_by_hand():
    assert chance_recall_at_k(1, 10, 1) == 0.1
    assert chance_recall_at_k(1, 10, 5) == 0.5
    assert chance_recall_at_k(2, 4, 2) == pytest.approx(5 / 6)  # all but 1 of the 6 pairs
    assert chance_recall_at_k([1, 2], 4, 1) == pytest.approx((1 / 4 + 2 / 4) / 2)
    assert chance_recall_at_k(3, 5, 9) == 1.0
    assert chance_recall_at_k(5, 150_000, 10) == pytest.approx(3.3329e-4, rel=1e-4)


@pytest.mark.parametrize(("positives", "gallery", "k"), [(1, 7, 3), (5, 25_000, 10), (180, 1797, 5), (3, 1000, 999)])
def test_chance_of_recall_is_the_hypergeometric_distribution(positives, gallery, k):
    assert chance_recall_at_k(positives, gallery, k) == pytest.approx(hypergeom.sf(0, gallery, positives, k), rel=1e-9)


def test_chance_of_precision_by_hand():
    assert chance_precision_at_k(2, 10, 5) == 0.2
    assert chance_precision_at_k([1, 3], 10, 1) == pytest.approx(0.2)
    assert chance_precision_at_k(2, 4, 8) == 0.25


def test_random_similarities_score_their_chance():
    rng = np.random.default_rng(6)
    positives = np.repeat(np.arange(300), 5)
    report = retrieval_report(rng.normal(size=(300, 1500)), positives, (1, 10, 50))
    for figure in report.figures:
        queries = 300 if figure.name.endswith("i2t") else 1500
        assert abs(figure.value - figure.chance) < 4 * np.sqrt(figure.chance / queries)


def test_the_report_has_both_ways_and_chance_beside_each_figure():
    report = retrieval_report(SIMILARITY, IMAGE_OF_TEXT, (1, 5))
    names = [f"{metric}@{k}_{way}" for metric in ("recall", "precision") for way in ("i2t", "t2i") for k in (1, 5)]
    assert [figure.name for figure in report.figures] == names
    table = str(report).splitlines()
    assert table[:3] == [
        "3 images, 6 texts",
        "metric            value  chance",
        "recall@1_i2t     0.3333  0.3333",
    ]
    assert table[-1] == "precision@5_t2i  0.2000  0.2000"
    flat = json.loads(json.dumps(report.to_dict()))
    assert set(flat) == {*names, *(f"{name}_chance" for name in names), "images", "texts"}
    assert flat["recall@1_i2t"] == pytest.approx(1 / 3)


def test_embeddings_of_the_positives_come_first():
    embeds = np.eye(5, dtype=np.float32)
    report = retrieval_report_from_embeds(embeds, embeds)
    assert {figure.value for figure in report.figures if figure.name.startswith("recall")} == {1.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(3), None), r"similarity must have shape \(images, texts\), received \(3,\)"),
        ((SIMILARITY, None), "positives must be given unless each image has one text, received 3 and 6"),
        ((SIMILARITY, np.zeros((6, 3), bool)), r"positives must be bool \(3, 6\) or.*received bool \(6, 3\)"),
        ((SIMILARITY, np.zeros((3, 6))), r"positives must be bool \(3, 6\) or.*received float64 \(3, 6\)"),
        ((SIMILARITY, np.array([0, 1, 2])), r"image index \(6,\), received int64 \(3,\)"),
        ((SIMILARITY, np.array([0, 1, 2, 3, 0, 0])), "image indices from 0 to 2, received 0 to 3"),
        ((SIMILARITY, np.array([0, -1, 2, 2, 0, 0])), "image indices from 0 to 2, received -1 to 2"),
        ((SIMILARITY, np.zeros((3, 6), bool)), "positives must hold at least one pair, received none for 3 image"),
        ((SIMILARITY, IMAGE_OF_TEXT, (0, 1)), r"ks must be one or more counts of at least 1, received \[0, 1\]"),
        ((SIMILARITY, IMAGE_OF_TEXT, ()), r"ks must be one or more counts of at least 1, received \[\]"),
        ((np.zeros((0, 0)), None), "positives must hold at least one pair"),
    ],
)
def test_what_does_not_fit_is_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        recall_at_k(*arguments)
    with pytest.raises(ValueError, match=message):
        retrieval_report(*arguments)


def test_other_errors_are_one_sentence():
    with pytest.raises(ValueError, match="query must be 'image' or 'text', received 'i2t'"):
        recall_at_k(SIMILARITY, IMAGE_OF_TEXT, query="i2t")
    with pytest.raises(
        ValueError, match=r"embeds must be \(images, E\) and \(texts, E\), received \(3, 4\) and \(3, 5\)"
    ):
        retrieval_report_from_embeds(np.zeros((3, 4)), np.zeros((3, 5)))
    with pytest.raises(ValueError, match=r"positives must be from 1 to the gallery of 4, received \[0, 5\]"):
        chance_recall_at_k([5, 0], 4, 1)
