"""Answers in the words in which VQA compares them (arXiv:1505.00468, section 4; the authors' evaluation)."""

from __future__ import annotations

import re
from functools import lru_cache

# What VQA's evaluation takes away from an answer, or turns into a space.
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_THOUSANDS = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")
_ARTICLES = frozenset(("a", "an", "the"))
_NUMBERS = {"none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6"} | {
    "seven": "7", "eight": "8", "nine": "9", "ten": "10"
}  # fmt: skip
# Words to which a lost apostrophe is given back. Not I'm, I've, I'd've: answers are in lower case by then.
_CONTRACTIONS = """
'ow's'at 'twas ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't
he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't mightn't've must've mustn't
needn't not've o'clock oughtn't shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's
someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've there're
there's they'd they'd've they'll they're they've wasn't we'd've we've weren't what'll what're what's what've when's
where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't wouldn't've
y'all y'all'd've y'all'll you'd you'd've you'll you're you've
"""
_APOSTROPHES = {
    word[:i] + word[i + 1 :]: word
    for word in _CONTRACTIONS.split()
    for i, character in enumerate(word)
    if character == "'"
} | {"somebody'd": "somebodyd"}  # as the evaluation has it


@lru_cache(2**16)  # ten people give few different answers
def normalize_answer(answer: str) -> str:
    """An answer as VQA's evaluation compares it: lower case, no articles, no punctuation, "two" as "2", "dont" as "don't".

    A sign of punctuation becomes a space where it stands between two letters, and nothing where a space is beside one of
    its kind or the answer has a number such as 1,000; a full stop stays in front of a digit. May be empty ("the").
    """
    answer = answer.replace("\n", " ").replace("\t", " ").strip()
    thousands = _THOUSANDS.search(answer) is not None
    plain = answer
    for sign in _PUNCTUATION:
        apart = thousands or sign + " " in answer or " " + sign in answer
        plain = plain.replace(sign, "" if apart else " ")
    words = (_NUMBERS.get(word, word) for word in _PERIOD.sub("", plain).lower().split())
    return " ".join(_APOSTROPHES.get(word, word) for word in words if word not in _ARTICLES)
