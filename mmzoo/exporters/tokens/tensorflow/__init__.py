"""A tokenizer inside a TensorFlow graph, made of core operations alone: what loads TensorFlow loads it."""

from mmzoo.exporters.tokens.tensorflow.rows import tensorflow_tokenizer

__all__ = ["tensorflow_tokenizer"]
