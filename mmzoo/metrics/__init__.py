"""How good a model is, always beside what guessing would reach; NumPy alone until a callback is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mmzoo.metrics.ablation import AblationReport, modality_ablation
from mmzoo.metrics.caption import CaptionReport, caption_report, cider_d, clip_score, distinct, leave_one_out, rouge_l
from mmzoo.metrics.classification import classification_report
from mmzoo.metrics.consistency import ConsistencyReport, modality_consistency
from mmzoo.metrics.evaluation import (
    Evaluation,
    classification_evaluation,
    nearest_other_margin,
    retrieval_evaluation,
    zero_shot_evaluation,
)
from mmzoo.metrics.figures import Figure, figure_table
from mmzoo.metrics.generation import (
    FeatureExtractor,
    GenerationReport,
    diversity,
    encoder_features,
    frechet_distance,
    generation_report,
    inception_score,
    kernel_distance,
    precision_recall,
    r_precision,
)
from mmzoo.metrics.linear_probe import LinearProbeReport, linear_probe
from mmzoo.metrics.retrieval import (
    RetrievalReport,
    chance_precision_at_k,
    chance_recall_at_k,
    precision_at_k,
    recall_at_k,
    retrieval_report,
    retrieval_report_from_embeds,
)
from mmzoo.metrics.task_report import TaskReport
from mmzoo.metrics.zero_shot import ZeroShotReport, class_prompts, label_embeddings, zero_shot_accuracy

if TYPE_CHECKING:
    from mmzoo.metrics.callbacks import RetrievalCallback, ZeroShotCallback
    from mmzoo.metrics.generation.callbacks import CaptionConsistency, FeatureDistance

_CALLBACKS = {
    "CaptionConsistency": "mmzoo.metrics.generation.callbacks",
    "FeatureDistance": "mmzoo.metrics.generation.callbacks",
    "RetrievalCallback": "mmzoo.metrics.callbacks",
    "ZeroShotCallback": "mmzoo.metrics.callbacks",
}

__all__ = [
    "AblationReport",
    "CaptionConsistency",
    "CaptionReport",
    "ConsistencyReport",
    "Evaluation",
    "FeatureDistance",
    "FeatureExtractor",
    "Figure",
    "GenerationReport",
    "LinearProbeReport",
    "RetrievalCallback",
    "RetrievalReport",
    "TaskReport",
    "ZeroShotCallback",
    "ZeroShotReport",
    "caption_report",
    "chance_precision_at_k",
    "chance_recall_at_k",
    "cider_d",
    "class_prompts",
    "classification_evaluation",
    "classification_report",
    "clip_score",
    "distinct",
    "diversity",
    "encoder_features",
    "figure_table",
    "frechet_distance",
    "generation_report",
    "inception_score",
    "kernel_distance",
    "label_embeddings",
    "leave_one_out",
    "linear_probe",
    "modality_ablation",
    "modality_consistency",
    "nearest_other_margin",
    "precision_at_k",
    "precision_recall",
    "r_precision",
    "recall_at_k",
    "retrieval_evaluation",
    "retrieval_report",
    "retrieval_report_from_embeds",
    "rouge_l",
    "zero_shot_accuracy",
    "zero_shot_evaluation",
]


def __getattr__(name: str) -> Any:
    if name in _CALLBACKS:
        return getattr(importlib.import_module(_CALLBACKS[name]), name)
    raise AttributeError(f"module 'mmzoo.metrics' has no attribute {name!r}")
