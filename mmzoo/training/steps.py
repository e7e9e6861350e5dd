"""How far each layer of a model is from its output, counted in the steps that its graph takes."""

from __future__ import annotations

from typing import Any

import keras


def steps_after(model: keras.Model) -> dict[keras.layers.Layer, int]:
    """Each layer with weights in a functional model's graph, and how many steps come after it; 0 for the last step.

    A step is a stretch of the graph that everything flows through and that holds a matrix (a weight of rank 2 or more): a
    transformer block, a residual block with its shortcut, an embedding, a dense layer or convolution in a chain. What holds vectors
    only, such as a normalisation, belongs to the step before it. Models inside the model are looked into, other layers are not
    (KerasHub's ViT keeps all its blocks in one layer: one step); paths from separate inputs are counted each on its own, and a
    layer used twice is where it is used first.
    Raises ValueError where the model is not functional: it has no graph to count in.
    """
    nodes = _weighted_nodes(model)
    if nodes is None:
        raise ValueError(f"model must be functional or sequential, with built layers, received {model!r}")
    found: dict[keras.layers.Layer, int] = {}
    _walk(nodes, 0, found)
    return found


def _weighted_nodes(layer: Any) -> list[Any] | None:
    """The calls of a model's graph that have weights or come after some, in order; None for a layer without a graph.

    Masks and other things computed of the inputs alone would otherwise count as ways around the layers that they enter.
    """
    by_depth = getattr(getattr(layer, "_functional", None) or layer, "_nodes_by_depth", None)
    if by_depth is None:
        return None
    chosen: dict[Any, None] = {}
    for depth in sorted(by_depth, reverse=True):
        for node in by_depth[depth]:
            if getattr(node.operation, "weights", None) or any(parent in chosen for parent in node.parent_nodes):
                chosen[node] = None
    return list(chosen)


def _walk(nodes: list[Any], after: int, found: dict[keras.layers.Layer, int]) -> int:
    """Places the nodes before `after` steps, each separate path on its own; returns the steps after what comes before them."""
    return max([_walk_path(path, after, found) for path in _separate_paths(nodes)], default=after)


def _walk_path(nodes: list[Any], after: int, found: dict[keras.layers.Layer, int]) -> int:
    sections = _sections(nodes)
    for index in reversed(range(len(sections))):
        *before, last = section = sections[index]
        inside = None if before else _weighted_nodes(last.operation)
        if inside is not None:
            after = _walk(inside, after, found)
        elif index == 0 and len(_separate_paths(before)) > 1:  # where several inputs meet
            after = _walk(before, _place([last], after, found), found)
        else:
            after = _place(section, after, found)
    return after


def _place(section: list[Any], after: int, found: dict[keras.layers.Layer, int]) -> int:
    layers = [node.operation for node in section if getattr(node.operation, "weights", None)]
    for layer in layers:
        found[layer] = max(found.get(layer, 0), after)
    return after + any(len(weight.shape) >= 2 for layer in layers for weight in layer.weights)


def _sections(nodes: list[Any]) -> list[list[Any]]:
    """Cuts a connected graph, in order, after every node that all its paths go through."""
    place = {node: index for index, node in enumerate(nodes)}
    reach = [len(nodes)] * len(nodes)  # where the last reader of each node is; the end, where there is none
    readers: dict[int, list[int]] = {}
    sources = []
    for index, node in enumerate(nodes):
        parents = [place[parent] for parent in node.parent_nodes if parent in place]
        for parent in parents:
            readers.setdefault(parent, []).append(index)
        if not parents:
            sources.append(index)
    for index, read_at in readers.items():
        reach[index] = max(read_at)
    sections: list[list[Any]] = [[]]
    furthest = max(sources, default=0)
    for index, node in enumerate(nodes):
        sections[-1].append(node)
        if furthest <= index:  # no edge from before this node leads past it
            sections.append([])
        furthest = max(furthest, reach[index])
    return [section for section in sections if section]


def _separate_paths(nodes: list[Any]) -> list[list[Any]]:
    """The connected parts of a graph, each in order."""
    part = {node: node for node in nodes}

    def root(node: Any) -> Any:
        while part[node] is not node:
            node = part[node]
        return node

    for node in nodes:
        for parent in node.parent_nodes:
            if parent in part:
                part[root(node)] = root(parent)
    paths: dict[Any, list[Any]] = {}
    for node in nodes:
        paths.setdefault(root(node), []).append(node)
    return list(paths.values())
