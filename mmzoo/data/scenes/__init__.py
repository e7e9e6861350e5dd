"""Drawn scenes: vocabulary, truth, pictures, captions, questions, and a checker that reads it all back from pixels."""

from mmzoo.data.scenes.captioning import WORDINGS, all_captions, caption, captions
from mmzoo.data.scenes.checking import Agreement, check, compare
from mmzoo.data.scenes.description import Attributes, Description, describe, relation
from mmzoo.data.scenes.judging import ClassShare, PictureReport, SceneReport, judge_captions, judge_pictures
from mmzoo.data.scenes.parsing import parse_caption
from mmzoo.data.scenes.questioning import KINDS, Question, answers, question_pairs, questions
from mmzoo.data.scenes.reading import Reading, Refusal, Seen, read_scene
from mmzoo.data.scenes.rendering import render
from mmzoo.data.scenes.sampling import sample_scene
from mmzoo.data.scenes.scene import Object, Scene, combination, is_held_out
from mmzoo.data.scenes.vocabulary import (
    BACKGROUNDS,
    COLOURS,
    COMBINATIONS,
    HELD_OUT,
    RELATIONS,
    SHAPES,
    SIZES,
    Combination,
)

__all__ = [
    "BACKGROUNDS",
    "COLOURS",
    "COMBINATIONS",
    "HELD_OUT",
    "KINDS",
    "RELATIONS",
    "SHAPES",
    "SIZES",
    "WORDINGS",
    "Agreement",
    "Attributes",
    "ClassShare",
    "Combination",
    "Description",
    "Object",
    "PictureReport",
    "Question",
    "Reading",
    "Refusal",
    "Scene",
    "SceneReport",
    "Seen",
    "all_captions",
    "answers",
    "caption",
    "captions",
    "check",
    "combination",
    "compare",
    "describe",
    "is_held_out",
    "judge_captions",
    "judge_pictures",
    "parse_caption",
    "question_pairs",
    "questions",
    "read_scene",
    "relation",
    "render",
    "sample_scene",
]
