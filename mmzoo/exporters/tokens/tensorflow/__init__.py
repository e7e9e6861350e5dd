"""A tokenizer inside a TensorFlow graph, there and back, made of core operations alone: what loads TensorFlow loads it."""

from mmzoo.exporters.tokens.tensorflow.rows import tensorflow_tokenizer
from mmzoo.exporters.tokens.tensorflow.texts import tensorflow_texts

__all__ = ["tensorflow_texts", "tensorflow_tokenizer"]
