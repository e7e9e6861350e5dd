"""Parts of a model that training leaves as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras

from mmzoo.layers.locking import set_trainable
from mmzoo.training.steps import steps_after


def freeze(model: keras.Model, *, keep: int = 0) -> None:
    """Locks a model, such as a CLIP's image_encoder (LiT, arXiv:2111.07991, section 3), or all of it but its last `keep` steps.

    Locked are the weights and what training would otherwise change beside them, the statistics of batch normalisation. keep counts
    blocks from the output (see steps_after): freeze(model.image_encoder, keep=2) trains the last two; they are unlocked if they were
    locked before. The state is saved with mmzoo's models.
    Call it before `compile`, or compile again: an optimizer has room for what was trainable when it was made, and a CLIP's fit
    refuses any other. A locked encoder of mmzoo also runs without dropout; locked blocks of one that is trained keep theirs.
    Raises ValueError where keep leaves nothing to lock, or is given for a model without a graph.
    """
    if keep < 0:
        raise ValueError(f"keep must be at least 0, received {keep}")
    if not keep:
        set_trainable(model, False)
        return
    steps = steps_after(model)
    count = max(steps.values(), default=-1) + 1
    if keep >= count:
        raise ValueError(
            f"keep must be below the {count} steps of {model.name}, received {keep}: nothing would be frozen"
        )
    set_trainable(model, True)
    for layer, after in steps.items():
        if after >= keep:
            set_trainable(layer, False)


def unfreeze(model: keras.Model) -> None:
    """Makes all of a model trainable; compile it again afterwards."""
    set_trainable(model, True)


def frozen_layers(model: keras.Model) -> list[str]:
    """The parts that are locked as a whole, outermost first, as the names of the layers around them joined by slashes."""
    return list(_frozen_parts(model, "", set()))


def freeze_layers(model: keras.Model, paths: Sequence[str]) -> None:
    """Locks again what frozen_layers listed of a model of the same form.

    A .keras file says of a composite layer whether it is locked, but not of the layers inside, which would train after loading.
    Raises ValueError where there is no such part.
    """
    for path in paths:
        part = model
        for name in path.split("/"):
            inside = {layer.name: layer for layer in _layers_of(part)}
            if name not in inside:
                raise ValueError(f"frozen parts must be layers of {model.name}, received {path!r}")
            part = inside[name]
        set_trainable(part, False)


def _frozen_parts(layer: keras.layers.Layer, prefix: str, seen: set[int]) -> Iterator[str]:
    for part in _layers_of(layer):
        if id(part) in seen or not part.weights:
            continue
        seen.add(id(part))
        if not any(inner.trainable for inner in part._flatten_layers()):
            seen.update(id(inner) for inner in part._flatten_layers())
            yield prefix + part.name
        else:
            yield from _frozen_parts(part, f"{prefix}{part.name}/", seen)


def _layers_of(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    return layer._flatten_layers(include_self=False, recursive=False)


def check_optimizer_is_current(model: keras.Model) -> None:
    """Refuses a model whose optimizer was made for other variables than those that are trainable now.

    Raises ValueError: TensorFlow would go on training what has been frozen since, and JAX would stop with a riddle.
    """
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None or not optimizer.built:
        return
    made_for = [id(variable) for variable in optimizer._trainable_variables]
    if made_for != [id(variable) for variable in model.trainable_variables]:
        raise ValueError(
            f"the model must be compiled again after freezing or unfreezing: its optimizer was made for {len(made_for)} "
            f"variables, and {len(model.trainable_variables)} are trainable now"
        )
