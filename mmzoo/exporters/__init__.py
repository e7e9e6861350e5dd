"""One file a format; every file is run and compared with the Keras model before it is kept."""

from mmzoo.exporters.parity import ParityError
from mmzoo.exporters.writer import export

__all__ = ["ParityError", "export"]
