"""Captions to token ids and back; tokenizer.json, the file of the tokenizers library, is the truth."""

from mmzoo.tokenizer.texts import Tagged
from mmzoo.tokenizer.tokenizer import Tokenizer

__all__ = ["Tagged", "Tokenizer"]
