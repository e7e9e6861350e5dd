"""ONNX files of a part: float32, float16, int8."""

from mmzoo.exporters.onnx.quantization import quantize_onnx
from mmzoo.exporters.onnx.writing import write_onnx

__all__ = ["quantize_onnx", "write_onnx"]
