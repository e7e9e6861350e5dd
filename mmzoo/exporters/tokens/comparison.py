"""Whether a tokenizer inside a graph gives the ids of tokenizer.json, string by string."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmzoo.exporters.tokens.classes import StringClass, class_of
from mmzoo.tokenizer import Tokenizer

_BATCH = 256
_EXAMPLES = 5


@dataclass(frozen=True)
class TokenExample:
    """A string, its ids by tokenizer.json and those found, both up to where the pads begin."""

    text: str
    expected: tuple[int, ...]
    found: tuple[int, ...]


@dataclass(frozen=True)
class TokenDifferences:
    """What a comparison found.

    compared: strings in all. differing: those with other ids, the declared ones left out; examples: the shortest of
    them; classes: how many of them are in which class. declared: how many differ of the classes that the form says it
    cannot follow.
    """

    compared: int
    differing: int
    examples: tuple[TokenExample, ...]
    classes: Mapping[str, int]
    declared: Mapping[str, int]


class TokenDifferenceError(ValueError):
    """A tokenizer inside a graph that gives other ids than tokenizer.json; the sentence shows strings."""

    def __init__(self, differences: TokenDifferences) -> None:
        self.differences = differences
        classes = ", ".join(f"{name}: {count:,}" for name, count in differences.classes.items())
        shown = "; ".join(
            f"{example.text!a:.80} gave {_ids(example.found)} for {_ids(example.expected)}"
            for example in differences.examples
        )
        super().__init__(
            "the tokenizer inside the graph must give the ids of tokenizer.json, received others for "
            f"{differences.differing:,} of {differences.compared:,} strings ({classes}), such as {shown}; "
            "allow_token_differences=True keeps it and names the classes in the manifest"
        )


def compare_tokens(
    tokenizer: Tokenizer,
    length: int,
    run: Callable[[list[str]], np.ndarray],
    texts: Sequence[str],
    *,
    cannot_follow: Sequence[StringClass] = (),
) -> TokenDifferences:
    """Runs the texts through a graph and through the tokenizer, in batches.

    run: texts to ids (B, length). cannot_follow: the classes a form declares; their strings are compared too, and
    counted apart.

    Raises: ValueError if run gives another shape.
    """
    different: list[TokenExample] = []
    for begin in range(0, len(texts), _BATCH):
        batch = list(texts[begin : begin + _BATCH])
        expected, found = tokenizer(batch, length), np.asarray(run(batch))
        if found.shape != expected.shape:
            raise ValueError(f"run must give ids of shape {expected.shape}, received {found.shape}")
        for index in np.flatnonzero((expected != found).any(axis=1)):
            rows = (_without_pads(row, tokenizer.pad_id) for row in (expected[index], found[index]))
            different.append(TokenExample(batch[index], *rows))
    reasons = [next((each.name for each in cannot_follow if each.holds(one.text)), None) for one in different]
    unexplained = [one for one, reason in zip(different, reasons, strict=True) if reason is None]
    return TokenDifferences(
        compared=len(texts),
        differing=len(unexplained),
        examples=tuple(sorted(unexplained, key=lambda one: len(one.text))[:_EXAMPLES]),
        classes=dict(Counter(class_of(one.text) for one in unexplained).most_common()),
        declared=dict(Counter(reason for reason in reasons if reason is not None).most_common()),
    )


def _without_pads(row: np.ndarray, pad: int) -> tuple[int, ...]:
    kept = np.flatnonzero(row != pad)
    return tuple(row[: kept[-1] + 1].tolist()) if len(kept) else ()


def _ids(ids: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, ids[:12]))}{', ...' if len(ids) > 12 else ''}]"
