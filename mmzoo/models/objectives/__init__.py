"""What a pre-trainer and a matcher learn by: the heads, what they give, and the loss of what they gave."""

from mmzoo.models.objectives.contrast import ContrastHead, contrast_loss, queued_contrast_loss
from mmzoo.models.objectives.matching import fuse_with_negatives, matching_terms
from mmzoo.models.objectives.tokens import TokenHead
from mmzoo.models.objectives.unread import unread, unread_loss

__all__ = [
    "ContrastHead",
    "TokenHead",
    "contrast_loss",
    "fuse_with_negatives",
    "matching_terms",
    "queued_contrast_loss",
    "unread",
    "unread_loss",
]
