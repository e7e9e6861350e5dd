"""Tasks that ship: questions about digits and scenes, sentiment, matching; none is solved by one modality alone."""

from mmzoo.data.tasks.arithmetic import digit_questions
from mmzoo.data.tasks.feelings import sentiment
from mmzoo.data.tasks.one_word import matching
from mmzoo.data.tasks.scene_questions import shape_questions

__all__ = ["digit_questions", "matching", "sentiment", "shape_questions"]
