"""Words to token ids inside an ONNX graph.

Words are spelled in an alphabet of our own, a letter for each byte, and handed to an operator whose vocabulary is
spelled the same way. So the operator's own ideas of letters, white space and special tokens never come to bear.
"""

from __future__ import annotations

import json

import numpy as np

from mmzoo.exporters.tokens.definition import Definition
from mmzoo.exporters.tokens.onnx.characters import ROW
from mmzoo.exporters.tokens.onnx.nodes import EXTENSIONS, Nodes

# Letters in every version of Unicode, two bytes each: one for every byte inside a word, one for every byte that ends a
# word (where BPE marks the end), and one that stands before a word of WordPiece.
_LETTERS = [chr(code) for code in (*range(0x100, 0x2B0), *range(0x400, 0x482))][:513]
_LAST, _MARK, _PAST = 256, 512, 513

# The byte-level alphabet of GPT-2: a byte that is no visible character of Latin-1 is shown as one from U+0100 on.
_VISIBLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_SHOWN = {byte: chr(byte) for byte in _VISIBLE}
_SHOWN |= {byte: chr(0x100 + index) for index, byte in enumerate(sorted(set(range(256)) - set(_VISIBLE)))}
_BYTE = {character: byte for byte, character in _SHOWN.items()}


def bpe_ids(graph: Nodes, points: str, rows: str, begins: str, inside: str, definition: Definition) -> tuple[str, str]:
    """Token ids and their rows, by the operator for byte-level BPE.

    It is given " word word". A space begins each word then and is in no merge: it comes out as a token of its own, and
    no word is looked up whole, which tokenizers does not do either.
    """
    suffix = definition.suffix
    strings = _spelled(graph, points, rows, begins, inside, _width(graph, points), " ", ends_marked=bool(suffix))
    of_bytes = [_shown(letter) for letter in _LETTERS[: _MARK if suffix else _LAST]]
    pieces = {piece: _shown(_of_bytes(piece, suffix)) for piece in definition.vocabulary if _BYTE.keys() >= set(piece)}
    unused = max(definition.vocabulary.values()) + 1
    symbols = dict.fromkeys([_shown(" "), *"".join(of_bytes)])
    vocabulary = {symbol: unused + index for index, symbol in enumerate(symbols)}
    vocabulary |= {spelled: definition.vocabulary[piece] for piece, spelled in pieces.items()}
    merges = [*map(" ".join, of_bytes), *(f"{pieces[left]} {pieces[right]}" for left, right in definition.merges)]
    tokens, mask = graph.all(
        "GPT2Tokenizer",
        strings,
        outputs=2,
        domain=EXTENSIONS,
        vocab=json.dumps(vocabulary, ensure_ascii=False),
        merges="\n".join(merges),
        padding_length=-1,
    )
    return _flat(graph, tokens, graph.all_of(graph("Greater", mask, 0), graph("Less", tokens, unused)))


def wordpiece_ids(
    graph: Nodes, points: str, rows: str, begins: str, inside: str, definition: Definition
) -> tuple[str, str]:
    """Token ids and their rows, by an operator that finds the longest piece again and again, as WordPiece does.

    Each word has the mark before it, and so have pieces that begin a word. The mark and each letter are pieces of their
    own: the operator needs one at every place, and a word with such a one is unknown.
    """
    width = _width(graph, points)
    word = graph.running_sum(graph.integer(begins))  # from 1; what is in no word counts to the word before
    lengths = graph("ScatterElements", _zeros_past(graph, word), word, graph.integer(inside), axis=0, reduction="add")
    too_long = graph("Greater", graph("Gather", lengths, word), definition.max_characters)
    width = graph("Where", too_long, 0, width)
    strings = _spelled(graph, points, rows, begins, inside, width, _LETTERS[_MARK], ends_marked=False)

    known = dict.fromkeys((*_LETTERS[:_LAST], _LETTERS[_MARK]), -1)
    for piece, index in definition.vocabulary.items():
        known[_LETTERS[_MARK] + _letters(piece)] = index
        if piece.startswith(definition.prefix) and piece != definition.prefix:
            known[_letters(piece.removeprefix(definition.prefix))] = index
    lines = (f"{number} '{text}' {len(text.encode())}" for number, text in enumerate(known, 1))
    found = graph("TrieTokenizer", strings, domain=EXTENSIONS, vocab="\n".join(lines))
    # The first of a row is the mark that stands for the row.
    found = graph("Slice", found, np.array([1]), np.array([np.iinfo(np.int64).max]), np.array([1]))
    numbers, rows = _flat(graph, found, graph("Greater", found, 0))
    starts = graph.table(np.array([0, *(text[0] == _LETTERS[_MARK] for text in known)]), numbers)
    ids = graph.table(np.array([-1, *known.values()]), numbers)
    word = graph.running_sum(starts)
    bad = graph.integer(graph("Less", ids, 0))
    bad = graph("ScatterElements", _zeros_past(graph, word), word, bad, axis=0, reduction="add")
    unknown = graph("Greater", graph("Gather", bad, word), 0)
    kept = graph.any_of(graph("Not", unknown), graph("Greater", starts, 0))
    ids = graph("Where", unknown, definition.unknown or 0, ids)
    ids, rows = graph.kept(kept, ids, rows)
    return ids, rows


def _zeros_past(graph: Nodes, numbers: str) -> str:
    """Zeros for each of the numbers from 0 up, which are ascending."""
    highest = graph("ReduceMax", graph("Concat", np.array([0]), numbers, axis=0), keepdims=0)
    return graph.filled(graph.shape(graph("Add", highest, 1)), 0)


def _spelled(
    graph: Nodes, points: str, rows: str, begins: str, inside: str, width: str, mark: str, *, ends_marked: bool
) -> str:
    """A string a row: a mark for the row, and for each word a mark and a letter for each of its bytes.

    width: bytes of each character. ends_marked: the last byte of a word has a letter of its own.
    """
    row = graph("Equal", points, ROW)
    marked = graph.integer(graph.any_of(row, begins))
    source, place = graph.repeated(graph("Add", marked, graph("Mul", graph.integer(inside), width)))
    place = graph("Sub", place, graph("Gather", marked, source))  # -1 is the mark
    point, bytes_ = graph("Gather", points, source), graph("Gather", width, source)
    behind = graph("Sub", graph("Sub", bytes_, 1), place)
    shifted = graph("Div", point, graph.table(np.array([1, 64, 64**2, 64**3, 64**4]), graph("Max", behind, 0)))
    head = graph("Add", shifted, graph.table(np.array([0, 0, 0xC0, 0xE0, 0xF0]), bytes_))
    tail = graph("Add", graph("Mod", shifted, 64), 0x80)
    letter = graph("Where", graph("Greater", place, 0), tail, head)
    if ends_marked:
        in_next = graph.later(graph.integer(graph.all_of(inside, graph("Not", begins))), 1, 0)
        ends = graph.all_of(graph("Equal", behind, 0), graph("Equal", graph("Gather", in_next, source), 0))
        letter = graph("Where", ends, graph("Add", letter, _LAST), letter)
    symbol = graph("Add", graph("Where", graph("Less", place, 0), _MARK, letter), 1)

    row_of = graph("Gather", rows, source)
    count = graph("ReduceSum", graph.integer(row), keepdims=0)
    sizes = graph.counted(row_of, count)
    firsts = graph("Sub", graph.running_sum(sizes), sizes)
    column = graph("Sub", graph.range(graph.size(row_of)), graph("Gather", firsts, row_of))
    matrix = graph.filled(graph.shape(count, graph("ReduceMax", sizes, keepdims=0)), _PAST + 1)
    at = graph("Concat", graph("Unsqueeze", row_of, np.array([1])), graph("Unsqueeze", column, np.array([1])), axis=1)
    matrix = graph("ScatterND", matrix, at, symbol)
    texts = [*_LETTERS[:_MARK], mark, ""]
    lines = (f"{number} '{text}' {len(text.encode())}" for number, text in enumerate(texts, 1))
    return graph("TrieDetokenizer", matrix, domain=EXTENSIONS, vocab="\n".join(lines))


def _width(graph: Nodes, points: str) -> str:
    """How many bytes of UTF-8 each character has."""
    longer = [graph.integer(graph("GreaterOrEqual", points, least)) for least in (0x80, 0x800, 0x10000)]
    return graph("Add", graph("Add", graph("Add", longer[0], longer[1]), longer[2]), 1)


def _flat(graph: Nodes, matrix: str, mask: str) -> tuple[str, str]:
    """The marked values of a matrix, and their rows."""
    places = graph("NonZero", mask)
    return graph("GatherND", matrix, graph("Transpose", places, perm=[1, 0])), graph("Gather", places, 0)


def _letters(text: str) -> str:
    return "".join(_LETTERS[byte] for byte in text.encode())


def _of_bytes(piece: str, suffix: str) -> str:
    """The letters of a piece of the byte-level alphabet."""
    ends = bool(suffix) and piece.endswith(suffix) and piece != suffix
    values = [_BYTE[character] for character in (piece.removesuffix(suffix) if ends else piece)]
    if ends:
        values[-1] += _LAST
    return "".join(_LETTERS[value] for value in values)


def _shown(text: str) -> str:
    """How an operator for byte-level BPE spells a text in its vocabulary."""
    return "".join(_SHOWN[byte] for byte in text.encode())
