"""How real generated pictures look, how various they are, and whether they show what was asked; CLIPScore is in mmzoo.metrics.caption."""

from mmzoo.metrics.generation.distances import Spread, frechet_distance, kernel_distance
from mmzoo.metrics.generation.extractors import INCEPTION_2015, FeatureExtractor, encoder_features
from mmzoo.metrics.generation.report import GenerationFigure, GenerationReport, generation_report
from mmzoo.metrics.generation.scores import PrecisionRecall, diversity, inception_score, precision_recall, r_precision

__all__ = [
    "INCEPTION_2015",
    "FeatureExtractor",
    "GenerationFigure",
    "GenerationReport",
    "PrecisionRecall",
    "Spread",
    "diversity",
    "encoder_features",
    "frechet_distance",
    "generation_report",
    "inception_score",
    "kernel_distance",
    "precision_recall",
    "r_precision",
]
