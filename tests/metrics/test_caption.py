"""Figures of captions, worked out by hand; tests/parity has them against rouge-score and pycocoevalcap."""

import numpy as np
import pytest
from sacrebleu import corpus_bleu

from mmzoo.metrics import caption_report, cider_d, clip_score, distinct, leave_one_out, rouge_l


def words(*texts):
    return [text.split() for text in texts]


def test_rouge_l_is_the_best_references_f_measure():
    # "the cat mat" of 4 and 6 words: precision 3/4, recall 3/6; of 3 words: 2/4 and 2/3.
    references = [words("the cat sat on the mat", "the grey cat")]
    assert rouge_l(words("the cat mat there"), references) == pytest.approx([0.6])
    assert rouge_l(words("dog", ""), [words("cat"), words("cat")]).tolist() == [0, 0]


def test_cider_d_of_a_caption_that_is_its_reference():
    # Each order of n-grams has cosine 1, as far as the caption has such; two words have two of the four orders.
    references = [words("a red circle there"), words("big square")]
    assert cider_d(words("a red circle there", "big square"), references) == pytest.approx([10, 5])


def test_cider_d_worked_out_by_hand():
    # One word of two in common, both as rare as the other; no pair in common: 10 / 4 * cosine, lengths alike.
    references = [words("red circle"), words("green star")]
    assert cider_d(words("red square", "green star"), references)[0] == pytest.approx(10 / 4 * 0.5)
    # One pair of words more than the reference has: exp(-1 / 72) of the cosine 2 / sqrt(2 * 3), and 1 / sqrt(2) of pairs.
    longer = cider_d(words("red circle here", "green star"), references)[0]
    assert longer == pytest.approx(10 / 4 * np.exp(-1 / 72) * (2 / np.sqrt(6) + 1 / np.sqrt(2)))


def test_distinct_counts_each_n_gram_once():
    captions = words("a red circle", "a red square")
    assert distinct(captions, 1) == 4 / 6
    assert distinct(captions, 2) == 3 / 4
    assert distinct(words("", "a"), 2) == 0


def test_the_report_is_the_corpus():
    captions = ["A red circle, on black", "two green stars on a white background"]
    references = [["a red circle on black", "a circle"], ["green stars on a white background"]]
    report = caption_report(captions, references)
    streams = [["a red circle on black", "green stars on a white background"], ["a circle", None]]
    expected = corpus_bleu([caption.lower() for caption in captions], streams)
    assert report.bleu_4 == pytest.approx(expected.score, abs=1e-9)
    # As many of each order as are there, of all words of that order; no brevity penalty, the captions being the longer ones.
    assert report.bleu_1 == pytest.approx(100 * 11 / 13)
    assert report.bleu_2 == pytest.approx(100 * np.sqrt(11 / 13 * 8 / 11))
    assert report.rouge_l == pytest.approx((2 * 5 / 11 + 2 * 6 / 13) / 2)
    assert (report.count, report.tokenize) == (2, "13a")


def test_chinese_characters_are_words():
    report = caption_report(["红色的圆形"], [["红色的方形"]], tokenize="zh")
    assert report.bleu_1 == pytest.approx(80)
    assert report.rouge_l == pytest.approx(0.8)


def test_one_is_left_out_each_time_and_real_captions_are_compared_on_the_same_terms():
    references = [["a red circle", "a circle that is red"], ["one green star", "a star"]]
    ours, real = leave_one_out(["a red circle", "a star"], references)
    expected = [
        rouge_l(words("a red circle", "a star"), [words(row[place]) for row in references]).mean() for place in (1, 0)
    ]
    assert ours.rouge_l == pytest.approx(np.mean(expected))
    others = rouge_l(words("a red circle", "one green star"), [words(row[1]) for row in references]).mean()
    assert real.rouge_l == pytest.approx(others)  # the same in either direction
    assert real.count == ours.count == 2


def test_what_cannot_be_compared_gets_one_sentence():
    with pytest.raises(ValueError, match="references must have two texts or more for each caption, received one for 1"):
        leave_one_out(["a", "b"], [["a", "b"], ["a"]])
    with pytest.raises(ValueError, match=r"tokenize must be one of .*13a.*, received 'xx'"):
        caption_report(["a"], [["a"]], tokenize="xx")
    with pytest.raises(ValueError, match="captions must be strings, received None"):
        caption_report([None], [["a"]])


class Clip:
    """Pictures and texts at known angles."""

    def encode_image(self, images):
        return np.array([[1, 0]] * len(images), "float32")

    def encode_text(self, texts):
        return np.array([[0.6, 0.8], [-0.6, 0.8]], "float32")[: len(texts)]


def test_clip_score_is_scaled_and_not_below_zero():
    images = np.zeros((2, 4, 4, 3))
    assert clip_score(Clip(), images, ["a", "b"]).tolist() == pytest.approx([1.5, 0])
    assert clip_score(Clip(), images, ["a", "b"], scale=100).tolist() == pytest.approx([60, 0])
    with pytest.raises(ValueError, match="captions must be 2, one for each picture, received 1"):
        clip_score(Clip(), images, ["a"])


@pytest.mark.parametrize(
    ("captions", "references", "message"),
    [
        ([], [], "captions must be one string or more in a list"),
        ("a", [["a"]], "captions must be one string or more in a list, received 'a'"),
        (["a"], [], "references must be 1 rows, one for each caption, received 0"),
        (["a", "b"], [["a"], []], "references must have one text or more for each caption, received none for 1"),
    ],
)
def test_bad_arguments_get_one_sentence(captions, references, message):
    with pytest.raises(ValueError, match=message):
        caption_report(captions, references)
