"""Tokenizers of checkpoints, read from the files other libraries write and written for them."""

from mmzoo.pretrained.tokenizers.reading import read_tokenizer
from mmzoo.pretrained.tokenizers.writing import write_tokenizer

__all__ = ["read_tokenizer", "write_tokenizer"]
