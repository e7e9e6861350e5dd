"""Does this text belong to this picture?"""

from mmzoo.models.matcher.builder import build_matcher
from mmzoo.models.matcher.model import Matcher

__all__ = ["Matcher", "build_matcher"]
