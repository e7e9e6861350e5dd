"""Image preprocessing in the files of transformers and open_clip."""

from mmzoo.pretrained.preprocessing.fields import Preprocessing
from mmzoo.pretrained.preprocessing.files import read_preprocessing, write_preprocessing
from mmzoo.pretrained.preprocessing.open_clip import from_open_clip, open_clip_preprocessing

__all__ = ["Preprocessing", "from_open_clip", "open_clip_preprocessing", "read_preprocessing", "write_preprocessing"]
