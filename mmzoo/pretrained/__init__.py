"""Checkpoints of other libraries, read and written without torch."""

from mmzoo.pretrained.inception import inception_2015
from mmzoo.pretrained.reading import from_pretrained
from mmzoo.pretrained.writing import save_pretrained

__all__ = ["from_pretrained", "inception_2015", "save_pretrained"]
