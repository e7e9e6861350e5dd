import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from mmzoo.data import digit_questions, digits
from mmzoo.data.images import ImageView

NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen"),
)


@pytest.fixture(scope="module")
def asked():
    return digit_questions("train", 7_200, seed=1)


@pytest.fixture(scope="module")
def shown(asked):
    return digits("train").labels[asked.images.indices]


def answer(question: str, digit: int) -> str:
    """What a person who reads the question says of the digit."""
    words = re.findall(r"\w+", question)
    number = next((NUMBERS.index(word) for word in words if word in NUMBERS), None)
    if number is None:
        return "yes" if ("even" in words) == (digit % 2 == 0) else "no"
    if "which" in words or "what" in words:
        return NUMBERS[digit - number if {"minus", "take", "less"} & set(words) else digit + number]
    greater = bool({"greater", "larger", "over", "above"} & set(words))
    assert greater != bool({"less", "smaller", "under", "below"} & set(words))
    return "yes" if (digit > number if greater else digit < number) else "no"


def best_guesser(known: list, targets: list) -> float:
    """How often the most frequent answer to what is known is right: no guesser does better."""
    counts = defaultdict(Counter)
    for key, target in zip(known, targets, strict=True):
        counts[key][target] += 1
    return sum(max(counter.values()) for counter in counts.values()) / len(targets)


def test_every_answer_is_what_a_reader_says(asked, shown) -> None:
    for text, target, digit in zip(asked.texts, asked.targets, shown, strict=True):
        assert asked.label_names[target] == answer(text, int(digit)), (text, digit)


def test_the_pictures_are_the_real_digits(asked, shown) -> None:
    assert np.array_equal(asked.images[5], digits("train").images[asked.images.indices[5]])
    assert isinstance(asked.images, ImageView)
    assert set(shown) == set(range(10))


def test_neither_the_question_nor_the_picture_alone_helps(asked, shown) -> None:
    targets = asked.targets.tolist()
    chance = max(Counter(targets).values()) / len(targets)
    assert chance == pytest.approx(20 / 72, abs=1e-4)
    assert best_guesser(asked.texts, targets) <= chance + 0.10
    assert best_guesser(shown.tolist(), targets) <= chance + 0.01
    assert best_guesser(asked.images.indices.tolist(), targets) <= chance + 0.10


def test_yes_and_no_are_exactly_as_frequent_for_every_picture_and_every_question(asked) -> None:
    by_picture, by_limit = Counter(), Counter()
    for text, target, picture in zip(asked.texts, asked.targets, asked.images.indices, strict=True):
        sign = {"no": -1, "yes": 1}.get(asked.label_names[target], 0)
        by_picture[picture] += sign
        meaning = re.sub("larger|over|above", "greater", re.sub("smaller|under|below", "less", text))
        by_limit[re.search(r"(greater|less|even|odd)?[^?]*?(\w+)\?", meaning).groups()] += sign
    assert set(by_picture.values()) == {0}
    assert set(by_limit.values()) == {0}


def test_nothing_asks_for_the_digit_itself(asked) -> None:
    assert set(asked.kinds) == {"comparison", "parity", "sum", "difference"}
    assert not any(re.search(r"which (digit|number) is (it|this)\?", text) for text in asked.texts)


def test_the_splits_share_no_picture() -> None:
    train, test = digit_questions("train", 500), digit_questions("test", 500)
    assert not {p.tobytes() for p in train.images} & {p.tobytes() for p in test.images}


def test_an_example_is_the_same_whatever_count_is() -> None:
    short, long = digit_questions("test", 75, seed=3), digit_questions("test", 300, seed=3)
    assert short.texts == long.texts[:75]
    assert short.images.indices.tolist() == long.images.indices[:75].tolist()
    assert short.targets.tolist() == long.targets[:75].tolist()
    assert digit_questions("test", 75, seed=4).texts != short.texts


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "held_out"}, "split must be one of train, test, received 'held_out'"),
        ({"count": 0}, "count must be an integer from 1, received 0"),
        ({"seed": -1}, "seed must be an integer from 0, received -1"),
    ],
)
def test_mistakes_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        digit_questions(**arguments)
