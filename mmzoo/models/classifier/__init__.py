"""Classes, labels and values of a picture with a text."""

from mmzoo.models.classifier.builder import build_classifier, build_vqa
from mmzoo.models.classifier.heads import HEADS, AnswerHead
from mmzoo.models.classifier.model import Classifier
from mmzoo.models.classifier.task import Task

__all__ = ["HEADS", "AnswerHead", "Classifier", "Task", "build_classifier", "build_vqa"]
