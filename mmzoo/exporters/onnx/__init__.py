"""ONNX files of a part: float32, float16, int8."""

from mmzoo.exporters.onnx.half import overflowing_values
from mmzoo.exporters.onnx.quantization import quantize_onnx
from mmzoo.exporters.onnx.writing import write_onnx

__all__ = ["overflowing_values", "quantize_onnx", "write_onnx"]
