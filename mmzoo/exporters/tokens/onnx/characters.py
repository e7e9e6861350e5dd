"""Strings to normalised characters inside an ONNX graph: bytes, code points, and the steps of a normalizer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmzoo.exporters.tokens.normalization import CODE_POINTS, Compose, Reorder, Replace, Step
from mmzoo.exporters.tokens.onnx.nodes import EXTENSIONS, Nodes

# A row begins with this code point, so that no row is empty and neighbours of different rows never touch. Strings do
# not hold it: for onnxruntime a string ends there.
ROW = 0
REPLACEMENT = 0xFFFD


def characters(graph: Nodes, strings: str, limit: int) -> tuple[str, str]:
    """Code points of strings (B,), at most limit each, and the row of each: two flat arrays of one length.

    Invalid UTF-8 becomes U+FFFD as Python's decoder does it: one for each longest part that begins a character.
    """
    vocabulary = "\n".join(f"{byte + 1} b'\\x{byte:02x}' 1" for byte in range(256))
    tokens = graph("TrieTokenizer", strings, domain=EXTENSIONS, vocab=vocabulary)  # (B, L): byte + 1, 0 past the end
    tokens = graph("Slice", tokens, np.array([0]), np.array([4 * limit]), np.array([1]))  # four bytes at most each
    framed = graph("Pad", tokens, np.array([0, 1, 0, 0]), ROW + 1)
    places = graph("NonZero", framed)
    values = graph("Sub", graph("GatherND", framed, graph("Transpose", places, perm=[1, 0])), 1)
    rows = graph("Gather", places, 0)
    points, first = _decoded(graph, values)
    points, rows = graph.kept(first, points, rows)
    begins = graph("Squeeze", graph("NonZero", graph("Equal", points, ROW)), np.array([0]))
    place = graph("Sub", graph.range(graph.size(points)), graph("Gather", begins, rows))
    points, rows = graph.kept(graph("LessOrEqual", place, limit), points, rows)
    return points, rows


def _decoded(graph: Nodes, values: str) -> tuple[str, str]:
    """At each byte the code point that begins there, and whether one does."""
    wanted, lowest, highest, bits = np.ones(256), np.full(256, 256), np.full(256, -1), np.full(256, REPLACEMENT)
    bits[:0x80] = np.arange(0x80)
    for lead in range(0xC2, 0xF5):
        wanted[lead] = 2 + (lead >= 0xE0) + (lead >= 0xF0)
        lowest[lead] = {0xE0: 0xA0, 0xF0: 0x90}.get(lead, 0x80)  # else the character has a shorter form
        highest[lead] = {0xED: 0x9F, 0xF4: 0x8F}.get(lead, 0xBF)  # else it is a surrogate, or past U+10FFFF
        bits[lead] = lead - (0xC0, 0xE0, 0xF0)[int(wanted[lead]) - 2]
    need = graph.table(wanted, values)
    follows = [graph.later(values, by, ROW) for by in (1, 2, 3)]
    good = [
        graph.all_of(
            graph("GreaterOrEqual", follows[0], graph.table(lowest, values)),
            graph("LessOrEqual", follows[0], graph.table(highest, values)),
        )
    ]
    for by in (2, 3):
        inside = graph("Equal", graph("Div", follows[by - 1], 64), 2)  # 0x80 to 0xBF
        good.append(graph.all_of(good[-1], inside, graph("Greater", need, by)))
    points, found = graph.table(bits, values), graph("Add", graph.integer(good[0]), 1)
    for by, each in enumerate(good):
        longer = graph("Add", graph("Mul", points, 64), graph("Sub", follows[by], 128))
        points = graph("Where", each, longer, points)
        found = graph("Add", found, graph.integer(each)) if by else found
    points = graph("Where", graph("Equal", found, need), points, REPLACEMENT)
    taken = [graph.earlier(graph.integer(each), by, 0) for by, each in enumerate(good, 1)]
    first = graph("Equal", graph("Add", graph("Add", *taken[:2]), taken[2]), 0)
    return points, first


def normalised(graph: Nodes, points: str, rows: str, steps: tuple[Step, ...]) -> tuple[str, str]:
    """The characters and their rows after the steps of a normalizer."""
    for step in steps:
        match step:
            case Replace(table):
                points, rows = _replaced(graph, points, rows, {c: text for c, text in table.items() if c != ROW})
            case Reorder(classes):
                points = _reordered(graph, points, _class_table(classes))
            case Compose(pairs, classes):
                points, rows = _composed(graph, points, rows, pairs, _class_table(classes))
    return points, rows


def _class_table(classes: Mapping[int, int]) -> np.ndarray:
    table = np.zeros(CODE_POINTS, np.int64)
    table[list(classes)] = list(classes.values())
    return table


def _replaced(graph: Nodes, points: str, rows: str, table: dict[int, str]) -> tuple[str, str]:
    texts = sorted(set(table.values()))
    number = {text: index for index, text in enumerate(texts, 1)}
    entry, lengths = np.zeros(CODE_POINTS, np.int64), np.array([1, *map(len, texts)])
    entry[list(table)] = [number[text] for text in table.values()]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    targets = np.array([-1, *(ord(c) for text in texts for c in text)])
    entries = graph.of_character(entry, points)
    source, place = graph.repeated(graph.table(lengths, entries))
    at = graph("Add", graph.table(starts, graph("Gather", entries, source)), place)
    found = graph.table(targets, at)
    same = graph("Gather", points, source)
    return graph("Where", graph("Less", found, 0), same, found), graph("Gather", rows, source)


def _reordered(graph: Nodes, points: str, classes: np.ndarray) -> str:
    found = graph.of_character(classes, points)
    run = graph.running_sum(graph.integer(graph("Equal", found, 0)))
    count = graph.size(points)
    by_class = graph("Add", graph("Mul", run, int(classes.max()) + 1), found)
    key = graph("Add", graph("Mul", by_class, count), graph.range(count))  # the place keeps equal ones in order
    order = graph.all("TopK", key, graph.shape(count), outputs=2, largest=0)[1]
    return graph("Gather", points, order)


def _composed(
    graph: Nodes, points: str, rows: str, pairs: Mapping[tuple[int, int], int], classes: np.ndarray
) -> tuple[str, str]:
    """Each run of a character and what may join it is walked from its start, all runs at once."""
    import onnx

    joining = classes > 0
    joining[[second for _, second in pairs]] = True
    starts_run = graph("Equal", graph.of_character(joining.astype(np.int64), points), 0)
    starts = graph("Squeeze", graph("NonZero", starts_run), np.array([0]))
    run = graph("Sub", graph.running_sum(graph.integer(starts_run)), 1)
    lengths = graph.counted(run, graph.size(starts))
    steps = graph("Sub", graph("ReduceMax", lengths, keepdims=0), 1)
    keep = graph.filled(graph("Shape", points), 1)
    last = graph.filled(graph("Shape", starts), 0)

    body = Nodes(f"{graph.prefix}/compose", graph.constants)
    step, going, *state = (f"{body.prefix}/{name}" for name in ("step", "going", "points", "keep", "base", "last"))
    now, kept, base, before = state
    place = body("Add", step, 1)
    active = body("Squeeze", body("NonZero", body("Greater", lengths, place)), np.array([0]))
    at = body("Add", body("Gather", starts, active), place)
    base_at, blocking = body("Gather", base, active), body("Gather", before, active)
    mark = body("Gather", now, at)
    kind = body.of_character(classes, mark)
    pair = body("Add", body("Mul", body("Gather", now, base_at), CODE_POINTS), mark)
    keys = [first * CODE_POINTS + second for first, second in pairs]
    joined = body(
        "LabelEncoder",
        pair,
        domain="ai.onnx.ml",
        keys_int64s=keys,
        values_int64s=list(pairs.values()),
        default_int64=-1,
    )
    free = body.any_of(body("Equal", blocking, 0), body("Less", blocking, kind))
    joins = body.all_of(free, body("GreaterOrEqual", joined, 0))
    alone = body("Gather", now, base_at)
    outputs = [
        body("ScatterElements", now, base_at, body("Where", joins, joined, alone), axis=0),
        body("ScatterElements", kept, at, body("Where", joins, 0, 1), axis=0),
    ]
    character = body.all_of(body("Not", joins), body("Equal", kind, 0))
    outputs.append(body("ScatterElements", base, active, body("Where", character, at, base_at), axis=0))
    outputs.append(body("ScatterElements", before, active, body("Where", joins, blocking, kind), axis=0))
    more = body("Identity", going)
    tensor = onnx.helper.make_tensor_value_info
    inputs = [tensor(step, 7, []), tensor(going, 9, []), *(tensor(name, 7, [None]) for name in state)]
    results = [tensor(more, 9, []), *(tensor(name, 7, [None]) for name in outputs)]
    loop = onnx.helper.make_graph(body.nodes, "compose", inputs, results)
    points, keep, *_ = graph.all("Loop", steps, np.array(True), points, keep, starts, last, outputs=4, body=loop)
    points, rows = graph.kept(graph("Greater", keep, 0), points, rows)
    return points, rows
