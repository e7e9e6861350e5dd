"""Tokenizers inside graphs: strings in, the token ids of tokenizer.json out.

The form for TensorFlow is in mmzoo.exporters.tokens.tensorflow, whose import loads it.
"""

from mmzoo.exporters.tokens.comparison import TokenDifferenceError, TokenDifferences, compare_tokens
from mmzoo.exporters.tokens.corpus import fuzz_corpus
from mmzoo.exporters.tokens.definition import Definition, read_definition
from mmzoo.exporters.tokens.form import StringsForm
from mmzoo.exporters.tokens.onnx import add_tokenizer, onnx_tokenizer

__all__ = [
    "Definition",
    "StringsForm",
    "TokenDifferenceError",
    "TokenDifferences",
    "add_tokenizer",
    "compare_tokens",
    "fuzz_corpus",
    "onnx_tokenizer",
    "read_definition",
]
