"""Questions about real handwritten digits that need both the picture and the words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmzoo.data.examples import Examples
from mmzoo.data.handwriting import DIGIT_NAMES, digits
from mmzoo.data.images import ImageView
from mmzoo.data.tasks.balance import check_request, detail, even_cells

NUMBER_NAMES: tuple[str, ...] = (*DIGIT_NAMES, "ten", "eleven", "twelve", "thirteen", "fourteen")
ANSWERS: tuple[str, ...] = ("no", "yes", *NUMBER_NAMES)


@dataclass(frozen=True)
class _Query:
    """A question in several wordings, and what is asked of a digit: a truth or a number."""

    kind: str
    wordings: tuple[str, ...]
    answer: Callable[[int], bool | int]

    def answered(self, digit: int) -> str:
        answer = self.answer(digit)
        return ("no", "yes")[answer] if isinstance(answer, bool) else NUMBER_NAMES[answer]


def _greater(limit: int) -> _Query:
    name = NUMBER_NAMES[limit]
    wordings = ("is it greater than {}?", "is this number larger than {}?", "is it over {}?", "is the digit above {}?")
    return _Query("comparison", tuple(each.format(name) for each in wordings), lambda digit: digit > limit)


def _less(limit: int) -> _Query:
    name = NUMBER_NAMES[limit]
    wordings = ("is it less than {}?", "is this number smaller than {}?", "is it under {}?", "is the digit below {}?")
    return _Query("comparison", tuple(each.format(name) for each in wordings), lambda digit: digit < limit)


def _parity(name: str, remainder: int) -> _Query:
    wordings = ("is it {}?", "is this number {}?", "is the digit {}?", "would you call it {}?")
    return _Query("parity", tuple(each.format(name) for each in wordings), lambda digit: digit % 2 == remainder)


def _plus(number: int) -> _Query:
    name = NUMBER_NAMES[number]
    wordings = (
        "which number is it plus {}?",
        "what is this number plus {}?",
        "add {} to it: which number is that?",
        "which number is {} more than it?",
    )
    return _Query("sum", tuple(each.format(name) for each in wordings), lambda digit: digit + number)


def _minus(number: int) -> _Query:
    name = NUMBER_NAMES[number]
    wordings = (
        "which number is it minus {}?",
        "what is this number minus {}?",
        "take {} from it: which number is that?",
        "which number is {} less than it?",
    )
    return _Query("difference", tuple(each.format(name) for each in wordings), lambda digit: digit - number)


# Each question with its opposite, which has the other answer for every digit.
_OPPOSITES: tuple[tuple[_Query, _Query], ...] = (
    *((_greater(limit), _less(limit + 1)) for limit in range(1, 8)),
    *((_parity("even", 0), _parity("odd", 1)) for _ in range(3)),
)
_SUMS = (*(_plus(number) for number in range(1, 6)), *(_minus(number) for number in range(1, 4)))
# Each kind of sum stands as often as any other beside two others.
_SUM_PAIRS = tuple((one, _SUMS[(i + step) % len(_SUMS)]) for step in (1, 3) for i, one in enumerate(_SUMS))


@dataclass(frozen=True)
class _Cell:
    """Two questions to be asked of one picture, and the digits that it may show."""

    queries: tuple[_Query, _Query]
    digits: tuple[int, ...]


def _cells() -> tuple[_Cell, ...]:
    cells = []
    for queries in _OPPOSITES:
        for wanted in (False, True):
            cells.append(_Cell(queries, tuple(digit for digit in range(10) if queries[0].answer(digit) == wanted)))
    for queries in _SUM_PAIRS:
        cells.append(_Cell(queries, tuple(d for d in range(10) if all(query.answer(d) >= 0 for query in queries))))
    return tuple(cells)


_CELLS = _cells()


def digit_questions(split: str = "train", count: int = 8_192, *, seed: int = 0) -> Examples:
    """Visual questions about real handwritten digits (see `digits`): neither the question nor the picture tells the answer.

    "is it greater than five?", "is it odd?", "which number is it plus three?", "which number is two less than it?", each
    in four wordings; the answers are "no", "yes" and the numbers "zero" to "fourteen". Examples 2 j and 2 j + 1 are
    about one picture: a question and its opposite ("greater than five", "less than six"), or two different sums. So each
    picture has as many answers yes as no, and in every 72 examples each question of yes or no is answered evenly. Who
    knows only the question is right in about a third of all cases, who knows only the digit in 28 %, as often
    as who always says yes.

    split: "train" or "test", whose pictures are different ones. Example i is the same whatever count is.
    Returns `Examples`: images (count, 32, 32, 3) uint8, a view of the digits; kinds "comparison", "parity", "sum" and
    "difference".
    Raises: ValueError if an argument is out of its range.
    """
    check_request(split, count, seed)
    source = digits(split)
    assert source.labels is not None
    pictures = [np.flatnonzero(source.labels == digit) for digit in range(10)]
    chosen, texts, targets, kinds = [], [], [], []
    for pair, cell in enumerate(even_cells(-(-count // 2), len(_CELLS), split, seed)):
        rng = detail(pair, split, seed)
        digit = _CELLS[cell].digits[rng.integers(len(_CELLS[cell].digits))]
        picture = pictures[digit][rng.integers(len(pictures[digit]))]
        for query in _CELLS[cell].queries:
            chosen.append(picture)
            texts.append(query.wordings[rng.integers(len(query.wordings))])
            targets.append(ANSWERS.index(query.answered(digit)))
            kinds.append(query.kind)
    return Examples(
        images=ImageView(source.images, np.array(chosen[:count])),
        texts=tuple(texts[:count]),
        targets=np.array(targets[:count], np.int32),
        label_names=ANSWERS,
        kinds=tuple(kinds[:count]),
        augment=source.augment,
    )
