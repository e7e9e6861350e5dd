import re
from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from mmzoo.data import digits, matching
from mmzoo.data.scenes import BACKGROUNDS, COLOURS, check, parse_caption


@pytest.fixture(scope="module")
def shapes():
    return matching("train", 3_000, seed=1)


def pairs(examples):
    """(the right caption, the wrong one, the kind) of each picture."""
    for i in range(0, len(examples), 2):
        two = examples.texts[i : i + 2]
        assert sorted(examples.targets[i : i + 2]) == [0, 1]
        assert examples.images.indices[i] == examples.images.indices[i + 1]
        right = int(examples.targets[i + 1])
        yield two[right], two[1 - right], examples.kinds[i]


@pytest.mark.parametrize("source", ["shapes", "digits"])
def test_the_wrong_caption_differs_in_one_word(source: str) -> None:
    for right, wrong, _ in pairs(matching("train", 1_000, source=source)):
        changed = [(a, b) for a, b in zip(right.split(), wrong.split(), strict=True) if a != b]
        assert len(changed) == 1


def test_the_word_is_of_the_kind(shapes) -> None:
    words = {
        "shape": {"circle", "square", "triangle"},
        "colour": set(COLOURS),
        "size": {"large", "big", "small", "little"},
        "background": set(BACKGROUNDS),
        "relation": {"left", "right", "above", "below"},
    }
    for right, wrong, kind in pairs(shapes):
        assert set(re.findall(r"\w+", right)) ^ set(re.findall(r"\w+", wrong)) <= words[kind]


def test_kinds_and_answers_are_even(shapes) -> None:
    assert set(Counter(zip(shapes.kinds, shapes.targets.tolist(), strict=True)).values()) == {300}


def test_who_reads_the_pixels_agrees_with_every_label() -> None:
    sample = matching("test", 200)
    for picture, text, target in zip(sample.images, sample.texts, sample.targets, strict=True):
        assert check(picture, parse_caption(text)).all == bool(target), text


def test_the_words_alone_are_at_chance(shapes) -> None:
    test = matching("test", 1_000)
    words = CountVectorizer(ngram_range=(1, 2)).fit(shapes.texts)
    judge = LogisticRegression(C=0.1, max_iter=1_000).fit(words.transform(shapes.texts), shapes.targets)
    assert abs(judge.score(words.transform(test.texts), test.targets) - 0.5) <= 0.05


def test_each_word_is_as_frequent_in_right_captions_as_in_wrong_ones(shapes) -> None:
    counts = [Counter(), Counter()]
    for text, target in zip(shapes.texts, shapes.targets, strict=True):
        counts[target].update(re.findall(r"\w+", text))
    assert set(counts[0]) == set(counts[1])
    for word, count in counts[1].items():
        assert abs(counts[0][word] - count) <= 4 * np.sqrt(count)


def test_the_number_named_is_the_digit_shown() -> None:
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    sample = matching("train", 400, source="digits")
    labels = digits("train").labels[sample.images.indices]
    for text, target, digit in zip(sample.texts, sample.targets, labels, strict=True):
        assert bool({names[digit], str(digit)} & set(text.split())) == bool(target)


@pytest.mark.parametrize("source", ["shapes", "digits"])
def test_the_splits_share_no_picture_and_a_longer_one_begins_alike(source: str) -> None:
    short, long, test = (matching(*each, source=source) for each in (("train", 31), ("train", 60), ("test", 60)))
    assert short.texts == long.texts[:31]
    assert all(np.array_equal(short.images[i], long.images[i]) for i in range(31))
    assert not {p.tobytes() for p in long.images} & {p.tobytes() for p in test.images}


def test_another_source_is_named() -> None:
    with pytest.raises(ValueError, match="source must be one of shapes, digits, received 'faces'"):
        matching(source="faces")
