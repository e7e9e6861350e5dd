"""The transformer decoder."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.decoders.memory import Memory
from mmzoo.decoders.words import word_embedding
from mmzoo.layers import CrossAttentionBlock, TransformerBlock


@keras.saving.register_keras_serializable("mmzoo")
class TransformerDecoder(keras.layers.Layer):
    """Causal blocks that look at a memory (arXiv:1706.03762, section 3.1; pre-norm as in arXiv:2002.04745), with a key-value cache.

    Called and stepped as mmzoo.decoders says. The token vectors are the output's weights too (arXiv:1608.05859).
    depth: blocks; the first unimodal_depth of them do not look at the memory (CoCa, arXiv:2205.01917, section 3.2). With a
    class_token, which these read after the text, return_summary=True adds what they make of it: (B, width), the text as one vector.
    call also takes text_mask (B, T), True where there is text; only the summary needs to know.
    State: keys_I and values_I (rows, heads, context_length, width / heads), those so far of block I. Context: memory_keys_I and
    memory_values_I (B, heads, S, width / heads), and memory_mask (B, S) where one was given.
    Raises ValueError for sizes under 1, a unimodal_depth that leaves no block to look at the memory, or a class_token without one.
    """

    def __init__(
        self,
        vocab_size: int,
        context_length: int,
        width: int = 256,
        *,
        depth: int = 4,
        num_heads: int = 4,
        mlp_dim: int | None = None,
        activation: str = "gelu",
        unimodal_depth: int = 0,
        class_token: bool = False,
        dropout: float = 0.0,
        epsilon: float = 1e-5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= unimodal_depth < depth:
            raise ValueError(
                f"unimodal_depth must be at least 0 and below depth, received {unimodal_depth} of {depth} blocks"
            )
        if class_token and not unimodal_depth:
            raise ValueError("class_token must be False with unimodal_depth=0: no block would read it")
        self.vocab_size, self.context_length, self.width = vocab_size, context_length, width
        self.depth, self.num_heads, self.mlp_dim = depth, num_heads, mlp_dim
        self.activation, self.unimodal_depth, self.class_token = activation, unimodal_depth, class_token
        self.dropout, self.epsilon = dropout, epsilon
        policy = self.dtype_policy
        self.embedding = word_embedding(vocab_size, width, policy)
        self.memory = Memory(epsilon=epsilon, dtype=policy, name="memory")
        shape: dict[str, Any] = {"mlp_dim": mlp_dim, "activation": activation, "causal": True, "dropout": dropout}
        shape |= {"epsilon": epsilon, "depth": depth, "dtype": policy}
        self.text_blocks = [
            TransformerBlock(width, num_heads, name=f"block_{index}", **shape) for index in range(unimodal_depth)
        ]
        self.blocks = [
            CrossAttentionBlock(width, num_heads, name=f"block_{index}", **shape)
            for index in range(unimodal_depth, depth)
        ]
        self.final_norm = keras.layers.LayerNormalization(epsilon=epsilon, dtype=policy, name="final_norm")
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=policy)

    def build(self, token_ids_shape: Any, memory_shape: Any) -> None:
        texts = (token_ids_shape[0], self.context_length, self.width)
        self.embedding.build(texts[:2])
        small = keras.initializers.RandomNormal(stddev=0.01)
        self.positions = self.add_weight(name="positions", shape=texts[1:], initializer=small)
        if self.class_token:
            self.class_vector = self.add_weight(name="class_token", shape=(self.width,), initializer=small)
        self.memory.build(memory_shape)
        for block in self.text_blocks:
            block.build(texts)
        for crossing in self.blocks:
            crossing.build(texts, memory_shape)
        self.final_norm.build(texts)
        self.built = True

    def call(
        self,
        token_ids: Any,
        memory: Any,
        memory_mask: Any = None,
        text_mask: Any = None,
        return_attention: bool = False,
        return_summary: bool = False,
        training: bool | None = None,
    ) -> Any:
        x, summary = self.read_text(token_ids, text_mask, training=training)
        memory, weights = self.memory(memory), []
        for block in self.blocks:
            x, attention = block(x, memory, context_mask=memory_mask, return_weights=True, training=training)
            weights.append(ops.mean(attention, axis=1))
        returned = [self.embedding(self.final_norm(x), reverse=True)]
        if return_attention:
            returned.append(ops.mean(ops.stack(weights), axis=0))
        if return_summary:
            returned.append(summary)
        return tuple(returned) if len(returned) > 1 else returned[0]

    def read_text(self, token_ids: Any, text_mask: Any = None, *, training: bool | None = None) -> tuple[Any, Any]:
        """The texts (B, T) after the blocks that do not look at the memory, (B, T, width), and their summary (B, width) or None."""
        x = self._embed(token_ids, 0)
        if self.class_token:
            last = ops.zeros_like(x[:, :1]) + ops.cast(self.class_vector, x.dtype)
            x = ops.concatenate([x, last], axis=1)
            if text_mask is not None:
                text_mask = ops.pad(ops.cast(text_mask, "bool"), ((0, 0), (0, 1)), constant_values=True)
        x = self.dropout_layer(x, training=training)
        for block in self.text_blocks:
            # Padding comes after the text, which does not see it; what reads the text after it must not either.
            x = block(x, attention_mask=text_mask if self.class_token else None, training=training)
        return (x[:, :-1], x[:, -1]) if self.class_token else (x, None)

    @property
    def state_names(self) -> tuple[str, ...]:
        """What start and step return besides logits."""
        return tuple(name for index in range(self.depth) for name in _names(index))

    def read(self, memory: Any, memory_mask: Any = None) -> dict[str, Any]:
        """The keys and values of the memory for each block that looks at it."""
        memory = self.memory(memory)
        context: dict[str, Any] = {}
        for index, block in enumerate(self.blocks, self.unimodal_depth):
            context |= zip(_names(index, "memory_"), block.cross_attention.project(memory), strict=True)
        return context if memory_mask is None else context | {"memory_mask": memory_mask}

    def start(self, context: dict[str, Any], beams: int = 1) -> dict[str, Any]:
        """An empty cache for each block."""
        keys, _ = _names(self.unimodal_depth, "memory_")
        empty = ops.tile(ops.zeros_like(context[keys][:, :, :1]), (beams, 1, self.context_length, 1))
        return dict.fromkeys(self.state_names, empty)

    def step(
        self, token_ids: Any, position: Any, context: dict[str, Any], state: dict[str, Any], beams: int = 1
    ) -> tuple[Any, dict[str, Any]]:
        """One step, or several at once: (rows, T) tokens from `position` on -> logits (rows, vocab_size), state."""
        x, mask = self._embed(token_ids, position), context.get("memory_mask")
        after: dict[str, Any] = {}
        for index, block in enumerate(self.text_blocks):
            cache = tuple(state[name] for name in _names(index))
            x, cache = block(x, cache=cache, position=position)
            after |= zip(_names(index), cache, strict=True)
        for index, crossing in enumerate(self.blocks, self.unimodal_depth):
            cache = tuple(state[name] for name in _names(index))
            memory = tuple(context[name] for name in _names(index, "memory_"))
            x, cache = crossing.step(x, cache, memory, position, mask, beams)
            after |= zip(_names(index), cache, strict=True)
        return self.embedding(self.final_norm(x[:, -1]), reverse=True), after

    def _embed(self, token_ids: Any, position: Any) -> Any:
        vectors = self.embedding(token_ids)
        numbers = ops.reshape(ops.convert_to_tensor(position, "int32"), (-1, 1)) + ops.arange(ops.shape(token_ids)[1])
        places = ops.take(self.positions, numbers, axis=0)
        return vectors + ops.cast(places, vectors.dtype)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        # How many things are returned depends on the arguments.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "vocab_size": self.vocab_size,
            "context_length": self.context_length,
            "width": self.width,
            "depth": self.depth,
            "num_heads": self.num_heads,
            "mlp_dim": self.mlp_dim,
            "activation": self.activation,
            "unimodal_depth": self.unimodal_depth,
            "class_token": self.class_token,
            "dropout": self.dropout,
            "epsilon": self.epsilon,
        }


def _names(index: int, of: str = "") -> tuple[str, str]:
    """Of a block's keys and values."""
    return f"{of}keys_{index}", f"{of}values_{index}"
