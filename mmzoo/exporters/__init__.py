"""One file a format; every file is run and compared with the Keras model before it is kept."""

from mmzoo.exporters.classifier import export_classifier
from mmzoo.exporters.gate import Gate, GateError, Limits
from mmzoo.exporters.parity import ParityError
from mmzoo.exporters.tokens import TokenDifferenceError
from mmzoo.exporters.writer import export

__all__ = ["Gate", "GateError", "Limits", "ParityError", "TokenDifferenceError", "export", "export_classifier"]
