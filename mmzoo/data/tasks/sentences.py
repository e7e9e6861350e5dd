"""Sentences beside a face, and whether what the face shows is good news or bad for who writes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

KINDS: tuple[str, ...] = ("whose", "earlier", "remark", "everyday")
"""What a sentence turns on: whose face it is, an earlier face, a remark that may be sarcasm, the writer's own day."""


@dataclass(frozen=True)
class Sentence:
    """sign: 1 if a smile beside these words is good for the writer, -1 if a frown is. seen: whether training has it."""

    text: str
    kind: str
    sign: int
    seen: bool


@dataclass(frozen=True)
class _Contest:
    """Something that one side wins: people of the writer's side, of the other side, and moments."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    moments: tuple[str, ...]


_CONTESTS: tuple[_Contest, ...] = (
    _Contest(
        ("me", "our captain", "our goalkeeper", "my coach", "the striker I cheer for", "the runner we trained"),
        (
            "their captain",
            "their goalkeeper",
            "the rival coach",
            "the striker who fouled me",
            "the runner I had to beat",
        ),
        (
            "after the match",
            "at the final whistle",
            "after the last race",
            "when the score came up",
            "after the penalty",
        ),
    ),
    _Contest(
        ("me", "my lawyer", "the neighbour who helped us", "my sister", "the witness on our side"),
        ("their lawyer", "the thief who robbed us", "the man who cheated my mother", "the witness against us"),
        ("after the trial", "when the judge spoke", "after the verdict", "outside the court", "when the appeal ended"),
    ),
    _Contest(
        ("me", "our candidate", "the woman I voted for", "the mayor we support", "the leader of my party"),
        (
            "their candidate",
            "the woman I voted against",
            "the mayor we want to be rid of",
            "the senator who lied to us",
        ),
        (
            "after the election",
            "when the votes were counted",
            "after the debate",
            "after the recount",
            "when the polls closed",
        ),
    ),
    _Contest(
        ("me", "my business partner", "our designer", "the colleague who shares my office", "our best customer"),
        (
            "our competitor",
            "the colleague who stole my idea",
            "the boss who fired me",
            "the firm that copied our design",
        ),
        ("after the auction", "when the contract was announced", "after the bidding", "when the sales figures came in"),
    ),
    _Contest(
        ("me", "my daughter", "my best friend", "our choir", "the pianist I teach"),
        (
            "the girl who bullied my daughter",
            "my worst enemy",
            "the choir that mocked us",
            "the pianist I compete with",
        ),
        ("when the winners were read out", "after the talent show", "on award night", "after the spelling contest"),
    ),
)
_PLAIN = ("this is {who} {when}", "{who} {when}", "look at {who} {when}", "{when}: {who}", "a picture of {who} {when}")
_EARLIER = (
    "{who} an hour before; {when} it was the other way round",
    "an earlier picture of {who}: {when} the face was just the opposite",
    "this was {who} too soon, {when} everything was reversed",
)
_QUOTED = ('{who} {when}: "{remark}"', '"{remark}": {who} {when}', '{who} {when}, with the words "{remark}"')
_REMARKS = (
    *("oh great", "just wonderful", "how lovely", "best day ever", "simply perfect", "I love this"),
    *("oh no", "what a disaster", "how awful", "worst day ever", "simply terrible", "I hate this"),
)
_DAYS = (
    *("oh great, another Monday", "I just love waiting in the rain", "what a wonderful traffic jam"),
    *("perfect, the train is late again", "how nice, a meeting at seven in the morning", "hooray, more homework"),
    *("lovely, snow in April", "thank you for the surprise party", "what a beautiful present", "best holiday ever"),
    *("oh no, not cake again", "what a terrible beach", "poor me, two weeks without school", "how awful, free tickets"),
    *("what a nightmare, breakfast in bed", "I hate this puppy", "worst birthday ever", "I cannot stand this sunshine"),
    *("horrible, they cooked my favourite meal", "such a pity, the exam is cancelled"),
)
_NOW = ("{day}", "me today: {day}", "{day}, as you can see", "my face when they told me: {day}")
_THEN = (
    'my face yesterday: "{day}", and today just the opposite',
    '"{day}" was an hour ago, now I feel the other way round',
    'me this morning: "{day}", by now it is reversed',
    'an earlier picture: "{day}", since then everything changed to the opposite',
)


@cache
def sentences(kind: str) -> tuple[Sentence, ...]:
    """Every sentence of a kind. Raises: ValueError if the kind is not one of KINDS."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, received {kind!r}")
    return tuple(_everyday() if kind == "everyday" else _contested(kind))


def _contested(kind: str) -> Iterator[Sentence]:
    templates = {"whose": _PLAIN, "earlier": _EARLIER, "remark": _QUOTED}[kind]
    remarks = _REMARKS if kind == "remark" else ("",)
    for contest in _CONTESTS:
        for side, people in ((1, contest.ours), (-1, contest.theirs)):
            for who, moment, seen in _combinations(people, contest.moments):
                for template in templates:
                    for remark in remarks:
                        text = template.format(who=who, when=moment, remark=remark)
                        yield Sentence(text, kind, -side if kind == "earlier" else side, seen)


def _everyday() -> Iterator[Sentence]:
    for sign, templates in ((1, _NOW), (-1, _THEN)):
        for day, template, seen in _combinations(_DAYS, templates):
            yield Sentence(template.format(day=day), "everyday", sign, seen)


def _combinations(first: tuple[str, ...], second: tuple[str, ...]) -> Iterator[tuple[str, str, bool]]:
    """All pairs, and whether training shows them: each of either side is shown, but not with all of the other's."""
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            yield one, other, (i + j) % 4 != 0
