"""TFLite: one file a part, of builtin operations only, with a signature of the part's name."""

from mmzoo.exporters.tflite.convert import FLEX, write_tflite
from mmzoo.exporters.tflite.quantization import quantize_tflite

__all__ = ["FLEX", "quantize_tflite", "write_tflite"]
