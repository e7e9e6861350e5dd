"""From a sequence to one vector."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.layers.attention import Attention
from mmzoo.layers.transformer import MLP


@keras.saving.register_keras_serializable("mmzoo")
class MeanPooling(keras.layers.Layer):
    """Mean over the positions that count: (B, T, D), mask (B, T) bool or None -> (B, D). A row with none gives zeros."""

    def call(self, sequence: Any, attention_mask: Any = None) -> Any:
        if attention_mask is None:
            return ops.mean(sequence, axis=1)
        weights = ops.cast(attention_mask, sequence.dtype)[:, :, None]
        return ops.sum(sequence * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1)

    def compute_output_shape(self, sequence_shape: Any, attention_mask_shape: Any = None) -> tuple[int | None, ...]:
        return (sequence_shape[0], sequence_shape[-1])


@keras.saving.register_keras_serializable("mmzoo")
class EndOfTextPooling(keras.layers.Layer):
    """The vector at the first end-of-text token (arXiv:2103.00020, section 2.4): (B, T, D), token_ids (B, T) -> (B, D).

    end_id: the token's id; None takes the highest id of each row, the rule of OpenAI's first release, where the end token is the
    last of the vocabulary. A row without an end token gives its first position, as transformers does.
    """

    def __init__(self, end_id: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.end_id = end_id

    def call(self, sequence: Any, token_ids: Any) -> Any:
        found = token_ids if self.end_id is None else ops.cast(ops.equal(token_ids, self.end_id), "int32")
        chosen = ops.one_hot(ops.argmax(found, axis=1), sequence.shape[1], dtype=sequence.dtype)
        return ops.squeeze(ops.matmul(chosen[:, None, :], sequence), axis=1)

    def compute_output_shape(self, sequence_shape: Any, token_ids_shape: Any = None) -> tuple[int | None, ...]:
        return (sequence_shape[0], sequence_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"end_id": self.end_id}


@keras.saving.register_keras_serializable("mmzoo")
class AttentionPooling(keras.layers.Layer):
    """One learned query attends to the sequence, then an MLP with a residual (SigLIP's head, arXiv:2106.04560, section 3.4).

    (B, T, width), mask (B, T) bool or None -> (B, width).
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        *,
        mlp_dim: int | None = None,
        activation: str = "gelu_tanh",
        epsilon: float = 1e-6,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.width, self.num_heads, self.mlp_dim = width, num_heads, 4 * width if mlp_dim is None else mlp_dim
        self.activation, self.epsilon = activation, epsilon
        policy = self.dtype_policy
        self.attention = Attention(width, num_heads, dtype=policy, name="attention")
        self.norm = keras.layers.LayerNormalization(epsilon=epsilon, dtype=policy, name="norm")
        self.mlp = MLP(width, self.mlp_dim, activation=activation, dtype=policy, name="mlp")

    def build(self, sequence_shape: Any) -> None:
        self.probe = self.add_weight(name="probe", shape=(1, 1, self.width), initializer="glorot_uniform")
        probe_shape = (sequence_shape[0], 1, self.width)
        self.attention.build(probe_shape, sequence_shape)
        self.norm.build(probe_shape)
        self.mlp.build(probe_shape)
        self.built = True

    def call(self, sequence: Any, attention_mask: Any = None) -> Any:
        probe = ops.zeros_like(sequence[:, :1]) + ops.cast(self.probe, sequence.dtype)
        pooled = self.attention(probe, sequence, attention_mask=attention_mask)
        return ops.squeeze(pooled + self.mlp(self.norm(pooled)), axis=1)

    def compute_output_shape(self, sequence_shape: Any, attention_mask_shape: Any = None) -> tuple[int | None, ...]:
        return (sequence_shape[0], self.width)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "width": self.width,
            "num_heads": self.num_heads,
            "mlp_dim": self.mlp_dim,
            "activation": self.activation,
            "epsilon": self.epsilon,
        }
