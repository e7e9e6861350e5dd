"""What lets each place of a map look at the words of a text."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.layers.attention import Attention


@keras.saving.register_keras_serializable("mmzoo")
class WordAttention(keras.layers.Layer):
    """Adds to each place of a map what it attends to among the words (AttnGAN, arXiv:1711.10485, section 3.1).

    call(x (B, H, W, C), words (B, T, D), word_mask (B, T) bool) -> x's shape. One head of Attention; a text without a word adds what all
    of its padding is in the mean. What is added starts at 0.
    """

    def build(self, x_shape: Any, words_shape: Any, word_mask_shape: Any) -> None:
        height, width, channels = (int(size) for size in x_shape[1:])
        self.sides = (height, width, channels)
        self.attention = Attention(channels, 1, out_std=0.0, dtype=self.dtype_policy, name="attention")
        self.attention.build((x_shape[0], height * width, channels), words_shape)
        self.built = True

    def call(self, x: Any, words: Any, word_mask: Any) -> Any:
        places = ops.reshape(x, (-1, self.sides[0] * self.sides[1], self.sides[2]))
        return x + ops.reshape(self.attention(places, words, attention_mask=word_mask), (-1, *self.sides))

    def compute_output_shape(self, x_shape: Any, words_shape: Any, word_mask_shape: Any) -> Any:
        return x_shape
