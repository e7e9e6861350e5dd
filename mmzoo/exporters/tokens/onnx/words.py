"""Where words begin inside an ONNX graph: the rules of GPT-2, CLIP and BERT, each looking at its neighbours only."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mmzoo.exporters.tokens.definition import ALONE, CONTRACTIONS, NUMBER, OTHER, SPACE, Definition
from mmzoo.exporters.tokens.onnx.characters import ROW
from mmzoo.exporters.tokens.onnx.nodes import Nodes

_ROW_CLASS = 5  # of the code point that begins a row


def words(graph: Nodes, points: str, definition: Definition) -> tuple[str, str]:
    """For each character whether a word begins there, and whether it is part of a word."""
    classes = np.frombuffer(definition.classes, np.uint8).copy()
    classes[ROW] = _ROW_CLASS
    kinds = graph.of_character(classes, points)
    before = graph.earlier(kinds, 1, _ROW_CLASS)
    changed = graph("Not", graph("Equal", kinds, before))
    space, row = graph("Equal", kinds, SPACE), graph("Equal", kinds, _ROW_CLASS)
    solid = graph("Not", graph.any_of(space, row))
    if definition.kind == "wordpiece":
        begins = graph.any_of(changed, graph("Equal", kinds, ALONE))
        return graph.all_of(begins, solid), solid
    if definition.kind == "clip_bpe":
        after_phrase = _after_phrases(graph, points, before, definition.phrases)
        begins = graph.any_of(changed, graph("Equal", kinds, NUMBER), after_phrase)
        joined = graph.all_of(graph("Equal", before, OTHER), graph("Not", after_phrase))
        return graph.all_of(_contracted(graph, points, begins, joined), solid), solid
    # One space goes with the word behind it; the last of several white spaces stands apart from the others.
    blank = graph.earlier(graph.integer(graph("Equal", points, ord(" "))), 1, 0)
    after_blank = graph("Greater", blank, 0)
    after = graph.later(kinds, 1, _ROW_CLASS)
    ends = graph.is_one_of(after, SPACE, _ROW_CLASS)
    last = graph.all_of(space, graph("Not", ends))
    begins = graph.any_of(
        graph.all_of(graph("Not", space), changed, graph("Not", after_blank)),
        graph.all_of(space, graph.any_of(changed, last)),
    )
    joined = graph.any_of(graph("Equal", before, OTHER), after_blank)
    return graph.all_of(_contracted(graph, points, begins, joined), graph("Not", row)), graph("Not", row)


def _contracted(graph: Nodes, points: str, begins: str, joined: str) -> str:
    """With 's, 't, 're and so on as words of their own, where the apostrophe is not joined to what is before it."""
    free = graph.all_of(graph("Equal", points, ord("'")), graph("Not", joined))
    for letters in (1, 2):
        texts = [text for text in CONTRACTIONS if len(text) == letters + 1]
        found = graph.integer(
            graph.all_of(free, graph.any_of(*(_spelled(graph, points, text[1:], 1) for text in texts)))
        )
        within = graph("Equal", graph.earlier(found, 1, 0), 0)
        behind = graph("Greater", graph.earlier(found, letters + 1, 0), 0)
        begins = graph.any_of(graph.all_of(begins, within), behind)
    return begins


def _spelled(graph: Nodes, points: str, text: str, at: int = 0) -> str:
    """Whether the text stands `at` places further on."""
    each = (graph.later(points, by, ROW) if by else points for by in range(at, at + len(text)))
    return graph.all_of(*(graph("Equal", there, ord(c)) for there, c in zip(each, text, strict=True)))


def _after_phrases(graph: Nodes, points: str, before: str, phrases: Iterable[str]) -> str:
    """Whether a phrase ends just before that was found where a word begins, such as behind another phrase."""
    nowhere = graph.filled(graph("Shape", points), 0)
    lengths = nowhere
    for text in phrases:
        lengths = graph("Add", lengths, graph("Mul", graph.integer(_spelled(graph, points, text)), len(text)))
    free = graph.integer(graph("Not", graph("Equal", before, OTHER)))
    at, free, lengths = graph.kept(graph("Greater", lengths, 0), graph.range(graph.size(points)), free, lengths)
    ends = graph("Add", at, lengths)
    first = graph("Not", graph("Equal", graph.earlier(ends, 1, -1), at))  # of phrases that follow one another
    chain = graph.running_sum(graph.integer(first))
    found = graph(
        "Greater", graph("Gather", graph("Concat", np.array([0]), *graph.kept(first, free), axis=0), chain), 0
    )
    (ends,) = graph.kept(found, ends)
    (ends,) = graph.kept(graph("Less", ends, graph.size(points)), ends)
    ones = graph.filled(graph("Shape", ends), 1)
    return graph("Greater", graph("ScatterElements", nowhere, ends, ones, axis=0), 0)
