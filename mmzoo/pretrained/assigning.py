"""Weights from a checkpoint into a model: checked first, then tensor by tensor, into variables that were never initialised."""

from __future__ import annotations

import math
import os
import warnings
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state

from mmzoo.pretrained.checkpoint import Checkpoint
from mmzoo.pretrained.links import Link, from_stored, row_size, stored_shape, to_stored
from mmzoo.pretrained.memory import hand_over
from mmzoo.pretrained.storing import NewTensor

_PENDING = "uninitialized_variables"  # where Keras lists what it will initialise when a scope ends
_FLOATS = ("F64", "F32", "F16", "BF16")
_SHOWN = 5


@contextmanager
def uninitialized() -> Iterator[None]:
    """Within it, models are built whose variables have a shape and no value: no initialiser runs, nothing is allocated.

    load_weights gives them values; until then the model can be looked at and not be called.
    """
    # Keras has the scope but no public way to end it without the list, which any later scope would initialise.
    before = global_state.get_global_attribute(_PENDING) or []
    global_state.set_global_attribute(_PENDING, [])
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute(_PENDING, before)


def load_weights(
    model: keras.Model,
    links: Sequence[Link],
    checkpoint: Checkpoint,
    *,
    ignored: Collection[str] = (),
    fresh: Collection[keras.Variable] = (),
) -> None:
    """Checks a checkpoint against a model, assigns it, and initialises what no checkpoint has: random generators and fresh weights.

    ignored: names of tensors that may be there and are not used. fresh: weights that the checkpoint does not have and that start as
    in a new model. Raises ValueError before anything is assigned: as check does, or for a weight that is in no link.
    """
    covered = {id(variable) for link in links for variable in link.variables} | {id(variable) for variable in fresh}
    if forgotten := [variable.path for variable in model.weights if id(variable) not in covered]:
        raise ValueError(
            f"every weight of the model must come from the checkpoint, and nothing there becomes {_list(forgotten)}"
        )
    check(links, checkpoint, ignored)
    assign(links, checkpoint)
    for variable in (*model.variables, *model.metrics_variables):
        if not _has_value(variable):
            variable._deferred_initialize()


def check(links: Iterable[Link], checkpoint: Checkpoint, ignored: Collection[str] = ()) -> None:
    """Compares names, shapes and dtypes, and reads no tensor.

    Raises ValueError where a link's tensor is missing, a tensor of the checkpoint is in no link and not ignored, or a shape or dtype
    is another: half a model would be wrong without a word.
    """
    wanted = {link.name: link for link in links}
    if missing := [name for name in wanted if name not in checkpoint]:
        raise ValueError(f"{checkpoint.folder} must have every tensor of the model, and has no {_list(missing)}")
    if extra := [name for name in checkpoint.tensors if name not in wanted and name not in ignored]:
        raise ValueError(f"{checkpoint.folder} must have tensors of the model only, and also has {_list(extra)}")
    wrong = [
        f"{name} must have shape {stored_shape(link)}, found {checkpoint.shape(name)}"
        for name, link in wanted.items()
        if checkpoint.shape(name) != stored_shape(link)
    ]
    if wrong:
        raise ValueError(f"{checkpoint.folder} must have the shapes of the model: {_list(wrong, '; ')}")
    kinds = [
        f"{name} is {checkpoint.tensors[name].dtype}"
        for name in wanted
        if checkpoint.tensors[name].dtype not in _FLOATS
    ]
    if kinds:
        raise ValueError(f"{checkpoint.folder} must have weights of {', '.join(_FLOATS)}, and {_list(kinds)}")


def assign(links: Sequence[Link], checkpoint: Checkpoint) -> None:
    """Gives the links' variables their values, the largest first: the one copy a backend may make of it is made while little else is there.

    Variables without a value get it as it is read: a model whose loading fails was never whole, and is not to be kept. Those that
    have one are all read before the first is changed, which costs their size again and leaves a live model as it was on an error.
    Warns of values that are not finite; they are assigned, as they may be what one looks for.
    """
    staged: list[tuple[keras.Variable, Any]] = []
    strange: list[str] = []

    def read(link: Link) -> list[np.ndarray]:
        return from_stored(link, _watch(checkpoint.blocks(link.name, row_size(link)), link.name, strange))

    ordered = sorted(links, key=lambda link: -math.prod(stored_shape(link)))
    for link, values in zip(ordered, _ahead(read, ordered), strict=True):
        for variable in link.variables:
            value = hand_over(values.pop(0))
            if _has_value(variable):
                staged.append((variable, value))
            else:
                _initialize(variable, value)
    for variable, value in staged:
        variable.assign(value)
    if strange:
        warnings.warn(f"{checkpoint.folder} has values that are not finite in {_list(strange)}", stacklevel=2)


def new_tensors(links: Iterable[Link], dtype: str = "float32") -> dict[str, NewTensor]:
    """What write_checkpoint takes: the links' variables under the checkpoint's names, in its layout, made when they are written."""
    return {link.name: NewTensor(stored_shape(link), dtype, partial(to_stored, link, dtype)) for link in links}


def _has_value(variable: keras.Variable) -> bool:
    return variable._value is not None


def _initialize(variable: keras.Variable, value: Any) -> None:
    """The way Keras gives a variable its first value, with this one for the initialiser's: nothing is copied."""
    variable._initializer = lambda shape, dtype: value
    variable._deferred_initialize()


def _watch(blocks: Iterable[np.ndarray], name: str, strange: list[str]) -> Iterator[np.ndarray]:
    """Passes blocks on, and notes the name where one has values that are not finite.

    A sum is as fast as memory, and finite for all but broken or huge values, which are then looked at one by one.
    """
    for block in blocks:
        with np.errstate(all="ignore"):
            total = block.sum(dtype=np.float32)
        if not np.isfinite(total) and name not in strange and not np.isfinite(block).all():
            strange.append(name)
        yield block


def _ahead(function: Callable[[Link], Any], links: Sequence[Link]) -> Iterator[Any]:
    """map, on a few threads and a few results ahead: copying in numpy leaves the other processors free."""
    workers = min(4, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[Any]] = deque()
    try:
        for link in links:
            waiting.append(pool.submit(function, link))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _list(names: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return separator.join(names[:_SHOWN]) + more
