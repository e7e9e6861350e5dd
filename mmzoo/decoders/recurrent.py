"""The recurrent decoder, which looks at one mixture of regions a token."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.decoders.memory import Memory
from mmzoo.decoders.words import word_embedding
from mmzoo.layers.attention import MASKED_SCORE

CELLS = {"lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell}


@keras.saving.register_keras_serializable("mmzoo")
class RecurrentDecoder(keras.layers.Layer):
    """An LSTM or a GRU with soft attention over regions (Show, Attend and Tell, arXiv:1502.03044, sections 3.1.2 and 4.2).

    Called and stepped as mmzoo.decoders says. From the state before it each token decides where to look: additive attention, the
    mixture of regions scaled by a gate of the state (section 4.2.1). Token vector and mixture go into the cell; the output sums the
    token vector and projections of state and mixture (equation 7), with the token vectors as its weights too (arXiv:1608.05859).
    The state starts as a dense layer of the mean region. cell: "lstm" or "gru".
    State: hidden (rows, width), and cell (rows, width) of an LSTM. Context: memory (B, S, C), memory_keys (B, S, width), and
    memory_mask (B, S) where one was given.
    Raises ValueError for an unknown cell.
    """

    def __init__(
        self,
        vocab_size: int,
        context_length: int,
        width: int = 256,
        *,
        cell: str = "gru",
        dropout: float = 0.0,
        epsilon: float = 1e-5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}, received {cell!r}")
        self.vocab_size, self.context_length, self.width = vocab_size, context_length, width
        self.cell, self.dropout, self.epsilon = cell, dropout, epsilon
        policy = self.dtype_policy

        def dense(units: int, name: str, activation: str | None = None, use_bias: bool = True) -> keras.layers.Dense:
            return keras.layers.Dense(units, activation=activation, use_bias=use_bias, dtype=policy, name=name)

        self.embedding = word_embedding(vocab_size, width, policy)
        self.memory = Memory(epsilon=epsilon, dtype=policy, name="memory")
        self.state_names = ("hidden", "cell") if cell == "lstm" else ("hidden",)
        self.first = {name: dense(width, f"first_{name}", "tanh") for name in self.state_names}
        self.key_dense, self.query_dense = dense(width, "keys"), dense(width, "query", use_bias=False)
        self.score_dense = dense(1, "score", use_bias=False)
        self.recurrent = CELLS[cell](width, dtype=policy, name="recurrent")
        self.state_output, self.mixture_output = dense(width, "state_output"), dense(width, "mixture_output")
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=policy)

    def build(self, token_ids_shape: Any, memory_shape: Any) -> None:
        batch, channels = token_ids_shape[0], memory_shape[-1]
        self.gate_dense = keras.layers.Dense(channels, activation="sigmoid", dtype=self.dtype_policy, name="gate")
        self.embedding.build((batch, self.context_length))
        self.memory.build(memory_shape)
        for layer in (self.key_dense, self.mixture_output, *self.first.values()):
            layer.build((batch, channels))
        for layer in (self.query_dense, self.score_dense, self.gate_dense, self.state_output):
            layer.build((batch, self.width))
        self.recurrent.build((batch, self.width + channels))
        self.built = True

    def call(
        self,
        token_ids: Any,
        memory: Any,
        memory_mask: Any = None,
        return_attention: bool = False,
        training: bool | None = None,
    ) -> Any:
        context = self.read(memory, memory_mask)
        vectors = self.dropout_layer(self.embedding(token_ids), training=training)

        def one_token(before: dict[str, Any], vector: Any) -> tuple[dict[str, Any], dict[str, Any]]:
            state, output, weights = self._advance(vector, context, {name: before[name] for name in self.state_names})
            after = state | {"output": output, "weights": weights}
            return after, after

        rows = ops.shape(token_ids)[0]
        first = self.start(context) | {
            "output": ops.zeros((rows, self.width), self.compute_dtype),
            "weights": ops.zeros((rows, memory.shape[1]), "float32"),
        }
        _, each = ops.scan(one_token, first, ops.transpose(vectors, (1, 0, 2)))
        outputs = self.dropout_layer(ops.transpose(each["output"], (1, 0, 2)), training=training)
        logits = self.embedding(outputs, reverse=True)
        return (logits, ops.transpose(each["weights"], (1, 0, 2))) if return_attention else logits

    def read(self, memory: Any, memory_mask: Any = None) -> dict[str, Any]:
        """The regions, and what the state is compared with."""
        memory = self.memory(memory)
        context = {"memory": memory, "memory_keys": self.key_dense(memory)}
        return context if memory_mask is None else context | {"memory_mask": memory_mask}

    def start(self, context: dict[str, Any], beams: int = 1) -> dict[str, Any]:
        """What the mean region makes of the state."""
        memory, mask = context["memory"], context.get("memory_mask")
        if mask is None:
            mean = ops.mean(memory, axis=1)
        else:
            here = ops.cast(mask, memory.dtype)[:, :, None]
            mean = ops.sum(memory * here, axis=1) / ops.maximum(ops.sum(here, axis=1), 1.0)
        first = {name: ops.tile(dense(mean)[:, None], (1, beams, 1)) for name, dense in self.first.items()}
        return {name: ops.reshape(each, (-1, self.width)) for name, each in first.items()}

    def step(
        self, token_ids: Any, position: Any, context: dict[str, Any], state: dict[str, Any], beams: int = 1
    ) -> tuple[Any, dict[str, Any]]:
        """One step, or several one after the other: (rows, T) tokens -> logits (rows, vocab_size), state."""
        vectors, output = self.embedding(token_ids), None
        for place in range(token_ids.shape[1]):
            state, output, _ = self._advance(vectors[:, place], context, state, beams)
        return self.embedding(output, reverse=True), state

    def _advance(
        self, vector: Any, context: dict[str, Any], state: dict[str, Any], beams: int = 1
    ) -> tuple[dict[str, Any], Any, Any]:
        """One token: (rows, width) -> state, output (rows, width), attention (rows, S) float32."""
        memory, keys, hidden = context["memory"], context["memory_keys"], state["hidden"]
        query = ops.reshape(self.query_dense(hidden), (-1, beams, 1, self.width))
        scores = self.score_dense(ops.tanh(query + keys[:, None]))[..., 0]
        scores = ops.cast(scores, "float32")
        if "memory_mask" in context:
            scores = ops.where(ops.cast(context["memory_mask"], "bool")[:, None], scores, MASKED_SCORE)
        weights = ops.softmax(scores, axis=-1)
        mixture = ops.matmul(ops.cast(weights, memory.dtype), memory)
        mixture = ops.reshape(mixture, (-1, memory.shape[-1])) * self.gate_dense(hidden)
        _, states = self.recurrent(
            ops.concatenate([vector, mixture], axis=-1), [state[name] for name in self.state_names]
        )
        state = dict(zip(self.state_names, states, strict=True))
        output = vector + self.state_output(state["hidden"]) + self.mixture_output(mixture)
        return state, output, ops.reshape(weights, (-1, keys.shape[1]))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        # How many things are returned depends on the arguments.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "vocab_size": self.vocab_size,
            "context_length": self.context_length,
            "width": self.width,
            "cell": self.cell,
            "dropout": self.dropout,
            "epsilon": self.epsilon,
        }
