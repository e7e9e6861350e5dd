"""Why the converter does not take a part: operations without a TFLite builtin, and the layers they come from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_REFUSED = re.compile(r"'tf\.(\w+)' op|operation 'tf\.(\w+)'|(?:Flex|Custom) ops: ([^\n]+)")
_ERROR = re.compile(r"error: ([^\n]+)")
_CALLED = re.compile(r"_\d+$")  # a layer's scope in a graph is its name and the number of the call


def refusal(part: str, concrete: Any, message: str, *, allow_flex: bool) -> ValueError:
    """The converter's message of many lines as one sentence. concrete: the traced function that it was given."""
    names = {name for found in _REFUSED.findall(message) for group in found for name in group.split(", ") if name}
    if not names:
        reason = _ERROR.search(message)
        first = reason.group(1) if reason else (message.strip().splitlines() or ["no reason"])[0]
        return ValueError(f"part {part!r} must be a graph that TFLite has a form of, and its converter says: {first}")
    layers = layers_of(concrete, names)
    described = ", ".join(f"{name} ({', '.join(layers[name])})" if layers[name] else name for name in sorted(names))
    kinds = "TFLite's builtin or TensorFlow's select operations" if allow_flex else "TFLite's builtin operations"
    advice = (
        ""
        if allow_flex
        else "; formats without tflite leave it out, and allow_flex=True keeps TensorFlow's own for the Flex delegate"
    )
    if any(name.startswith("TensorList") for name in names):
        advice = "; a recurrent layer over a fixed number of steps is" + advice
    return ValueError(f"part {part!r} must be made of {kinds}, received {described}{advice}")


def layers_of(concrete: Any, kinds: set[str]) -> dict[str, list[str]]:
    """{TensorFlow operation: paths of the Keras layers that it is in}, by the names of a graph's nodes."""
    found = {(kind, _layer(name)) for kind, name in _nodes(concrete.graph.as_graph_def())}
    return {kind: sorted(layer for other, layer in found if other == kind and layer) for kind in kinds}


def _nodes(graph: Any) -> Iterator[tuple[str, str]]:
    """Kind and name of every node, those of loop bodies and other called functions under the name of their caller."""
    functions = {function.signature.name: function for function in graph.library.function}
    pending = [(node, "") for node in reversed(graph.node)]
    while pending:
        node, caller = pending.pop()
        yield node.op, caller or node.name
        called = [value.func.name for value in node.attr.values() if value.func.name in functions]
        pending.extend((inner, caller or node.name) for name in called for inner in reversed(functions[name].node_def))


def _layer(node: str) -> str:
    """The layer a node of this name is in: its scopes up to the last that has the number of a call, the model's aside."""
    scopes = node.split("/")[1:-1]
    numbered = [index for index, scope in enumerate(scopes) if _CALLED.search(scope)]
    scopes = scopes[: numbered[-1] + 1] if numbered else scopes[:1]
    return "/".join(_CALLED.sub("", scope) for scope in scopes)
