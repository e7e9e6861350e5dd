"""Tokenizers inside ONNX files, with the operators of onnxruntime-extensions."""

from mmzoo.exporters.tokens.onnx.files import add_tokenizer, onnx_tokenizer

__all__ = ["add_tokenizer", "onnx_tokenizer"]
