"""Losses that compare every sample with every other need the whole batch, also when it is spread over devices."""

from __future__ import annotations

from typing import Any

import keras


def gather_batch(*tensors: Any) -> tuple[Any, ...]:
    """Joins each tensor's batch axis over all replicas of a tf.distribute strategy, with gradients; elsewhere returns them as they are."""
    context = _replica_context()
    if context is None:
        return tensors
    return tuple(context.all_gather(tensor, axis=0) for tensor in tensors)


def replica_share(loss: Any) -> Any:
    """A replica's share of a loss over the gathered batch: the optimizer sums what the replicas give it."""
    context = _replica_context()
    return loss if context is None else loss / context.num_replicas_in_sync


def _replica_context() -> Any:
    """The replica context of a strategy with several replicas, or None. JAX shards one global program and needs none."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return context if context is not None and context.num_replicas_in_sync > 1 else None
