"""A measured share beside the share that guessing would reach."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One result: a name such as "recall@1_i2t", its value and its chance level, both in [0, 1].

    Those of a regression have the unit of what it predicts, or, as R2, no lower bound.
    """

    name: str
    value: float
    chance: float


def figure_table(figures: Sequence[Figure]) -> str:
    """A plain table with a line a figure: name, value, chance."""
    width = max([len("metric"), *(len(figure.name) for figure in figures)])
    lines = [f"{'metric':<{width}}   value  chance"]
    lines += [f"{figure.name:<{width}}  {figure.value:>6.4f}  {figure.chance:>6.4f}" for figure in figures]
    return "\n".join(lines)


def check_ks(ks: Sequence[int], most: int | None = None) -> tuple[int, ...]:
    """The ks as ints, in the order given.

    Raises: ValueError if there is none, or one is below 1 or above most.
    """
    checked = tuple(operator.index(k) for k in ks)
    if not checked or min(checked) < 1 or (most is not None and max(checked) > most):
        bound = "" if most is None else f" and at most {most}"
        raise ValueError(f"ks must be one or more counts of at least 1{bound}, received {list(ks)!r}")
    return checked
