"""ONNX models that take strings: the tokenizer alone, or in front of a text tower."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import mmzoo
from mmzoo.exporters.tokens.classes import StringClass
from mmzoo.exporters.tokens.definition import Definition, read_definition
from mmzoo.exporters.tokens.form import StringsForm
from mmzoo.exporters.tokens.onnx.characters import ROW, characters, normalised
from mmzoo.exporters.tokens.onnx.nodes import EXTENSIONS, Nodes
from mmzoo.exporters.tokens.onnx.pieces import bpe_ids, wordpiece_ids
from mmzoo.exporters.tokens.onnx.words import words
from mmzoo.tokenizer import Tokenizer

TEXTS = "text_strings"
OPSET = 18
_IR_VERSION = 9  # of opset 18 to 20
_NEEDS = ("onnxruntime-extensions",)
# onnxruntime hands strings over as C does: what follows U+0000 is lost before any operator sees it.
CANNOT_FOLLOW = (StringClass.with_any("U+0000", "\0"),)


def onnx_tokenizer(tokenizer: Tokenizer, length: int, *, opset: int = OPSET) -> Any:
    """An onnx.ModelProto from text_strings (B,) to token_ids (B, length) int32, equal to tokenizer(texts, length).

    It runs where onnxruntime has registered the operators of onnxruntime-extensions.

    Raises: ValueError if the tokenizer has no such form, or length has no room for the special tokens and one more.
    """
    import onnx

    ids = onnx.helper.make_tensor_value_info("token_ids", onnx.TensorProto.INT32, ["batch", length])
    graph = onnx.helper.make_graph([], "tokenizer", [], [ids])
    model = onnx.helper.make_model(
        graph,
        opset_imports=[onnx.helper.make_opsetid("", opset)],
        ir_version=_IR_VERSION,
        producer_name="mmzoo",
        producer_version=mmzoo.__version__,
    )
    _prepend(model, tokenizer, length, ids, TEXTS)
    return model


def add_tokenizer(
    source: Path,
    target: Path,
    tokenizer: Tokenizer,
    length: int,
    *,
    input: str,
    texts: str = TEXTS,
    part: str | None = None,
) -> StringsForm:
    """Writes the model of source with strings (B,), named texts, in place of its input of token ids (B, length).

    part: what the file says it is, default the name of the texts. Weights in a file beside the model stay where they are,
    and target uses the same file.

    Raises: ValueError if the tokenizer has no such form, the model has no such input, its opset is below 17, or target
    is in another folder than the weights it would share.
    """
    import onnx

    model = onnx.load(str(source), load_external_data=False)
    replaced = next((value for value in model.graph.input if value.name == input), None)
    if replaced is None:
        names = ", ".join(value.name for value in model.graph.input)
        raise ValueError(f"input must be one of the inputs of {source.name} ({names}), received {input!r}")
    sides = replaced.type.tensor_type.shape.dim
    if len(sides) != 2 or sides[1].dim_value not in (0, length):
        raise ValueError(f"length must be that of {input} in {source.name}, {sides[-1].dim_value}, received {length}")
    shared = any(weight.data_location == onnx.TensorProto.EXTERNAL for weight in model.graph.initializer)
    if shared and source.resolve().parent != target.resolve().parent:
        raise ValueError(f"target must be in the folder of {source.name}, whose weights it shares, received {target}")
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset < 17:
        raise ValueError(f"{source.name} must be of opset 17 or later, received {opset}")
    model.graph.input.remove(replaced)
    _prepend(model, tokenizer, length, replaced, texts)
    for entry in model.metadata_props:
        entry.value = (part or texts) if entry.key == "part" else entry.value
    onnx.save(model, str(target))
    onnx.checker.check_model(str(target))
    return StringsForm(texts, _NEEDS, CANNOT_FOLLOW)


def _prepend(model: Any, tokenizer: Tokenizer, length: int, ids: Any, texts: str) -> None:
    """Puts the tokenizer before the nodes of a model, with its result under the name and of the type of ids."""
    import onnx

    graph = Nodes(_unused_prefix(model.graph))
    result = _token_ids(graph, texts, read_definition(tokenizer), length)
    kind = ids.type.tensor_type.elem_type
    cast = onnx.helper.make_node("Cast", [result], [ids.name], f"{graph.prefix}/token_ids", to=kind)
    nodes = [*graph.nodes, cast, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items())
    model.graph.input.insert(0, onnx.helper.make_tensor_value_info(texts, onnx.TensorProto.STRING, ["batch"]))
    present = {entry.domain for entry in model.opset_import}
    wanted = {EXTENSIONS: 1, "ai.onnx.ml": 3}
    model.opset_import.extend(onnx.helper.make_opsetid(name, wanted[name]) for name in wanted.keys() - present)


def _unused_prefix(graph: Any) -> str:
    names = {name for node in graph.node for name in (node.name, *node.output)}
    names |= {each.name for each in (*graph.initializer, *graph.input)}
    prefix = "tokenizer"
    while any(name.startswith(prefix) for name in names):
        prefix += "_"
    return prefix


def _token_ids(graph: Nodes, texts: str, definition: Definition, length: int) -> str:
    if length < 2:
        raise ValueError(f"length must be at least 2, received {length}")
    points, rows = characters(graph, texts, length * definition.longest)
    points, rows = normalised(graph, points, rows, definition.steps)
    if definition.leading_space:
        points, rows = _with_space(graph, points, rows)
    begins, inside = words(graph, points, definition)
    split = wordpiece_ids if definition.kind == "wordpiece" else bpe_ids
    ids, rows = split(graph, points, rows, begins, inside, definition)
    return _framed(graph, texts, ids, rows, definition, length)


def _with_space(graph: Nodes, points: str, rows: str) -> tuple[str, str]:
    """A space before each text that has any characters and does not begin with one."""
    following = graph.later(points, 1, ROW)
    begun = graph("Not", graph.is_one_of(following, ROW, ord(" ")))
    needed = graph.all_of(graph("Equal", points, ROW), begun)
    source, place = graph.repeated(graph("Add", graph.integer(needed), 1))
    points = graph("Where", graph("Greater", place, 0), ord(" "), graph("Gather", points, source))
    return points, graph("Gather", rows, source)


def _framed(graph: Nodes, texts: str, ids: str, rows: str, definition: Definition, length: int) -> str:
    """Rows of [start] body [end] and pads: (B, length) from flat ids and their rows, which ascend."""
    count = graph("Squeeze", graph("Shape", texts), np.array([0]))
    if definition.reserved:
        dropped = np.isin(np.arange(max(definition.reserved) + 2), list(definition.reserved))
        known = graph.table(dropped, graph("Min", ids, len(dropped) - 1))
        ids, rows = graph.kept(graph("Equal", known, 0), ids, rows)
    sizes = graph.counted(rows, count)
    firsts = graph("Sub", graph.running_sum(sizes), sizes)
    place = graph("Sub", graph.range(graph.size(rows)), graph("Gather", firsts, rows))
    before = 0 if definition.start is None else 1
    room = length - before - 1
    ids, rows, place = graph.kept(graph("Less", place, room), ids, rows, place)
    framed = graph.filled(graph.shape(count, length), definition.pad)
    every = graph.range(count)
    if definition.start is not None:
        framed = _placed(graph, framed, every, graph.filled(graph.shape(count), 0), definition.start)
    framed = _placed(graph, framed, rows, graph("Add", place, before), ids)
    return _placed(graph, framed, every, graph("Add", graph("Min", sizes, room), before), definition.end)


def _placed(graph: Nodes, matrix: str, rows: str, columns: str, values: str | int) -> str:
    at = graph("Concat", *(graph("Unsqueeze", each, np.array([1])) for each in (rows, columns)), axis=1)
    return graph("ScatterND", matrix, at, graph("Expand", values, graph("Shape", rows)))
