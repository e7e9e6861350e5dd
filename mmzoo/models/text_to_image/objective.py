"""What the discriminator and the generator are trained on, as plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mmzoo.losses.adversarial import ADVERSARIAL_LOSSES

PENALTY_SCALES = {"matching": 0.025, "zero_centred": 1.0, "none": 0.0}
"""Penalty to the scale it has where none is given; "matching" for texts of mean square 1, found on drawn shapes of 32 pixels."""


@dataclass(frozen=True)
class Objective:
    """What a text-to-image model lowers.

    loss: "bce", "hinge" or "relativistic" (discriminator_loss and generator_loss). penalty: on the discriminator's gradients,
    "matching" (matching_penalty), "zero_centred" (R1 + R2, zero_centred_penalty) or "none". penalty_scale: its scale or gamma.
    penalty_every: it is computed at every so-many-th step, that many times as strong (arXiv:1912.04958, section 3.1). mismatched:
    whether real pictures with texts of others are shown. guidance: weight of the mean cosine of generated pictures with their texts.
    Raises ValueError for names that are not known, or numbers out of range.
    """

    loss: str = "bce"
    penalty: str = "matching"
    penalty_scale: float = PENALTY_SCALES["matching"]
    penalty_every: int = 8
    mismatched: bool = True
    guidance: float = 0.0

    def __post_init__(self) -> None:
        if self.loss not in ADVERSARIAL_LOSSES:
            raise ValueError(f"loss must be one of {', '.join(ADVERSARIAL_LOSSES)}, received {self.loss!r}")
        if self.penalty not in PENALTY_SCALES:
            raise ValueError(f"penalty must be one of {', '.join(PENALTY_SCALES)}, received {self.penalty!r}")
        if not (0 <= self.penalty_scale < math.inf and 0 <= self.guidance < math.inf):
            raise ValueError(
                f"penalty_scale and guidance must be numbers of at least 0, received {self.penalty_scale} and {self.guidance}"
            )
        if self.penalty_every < 1:
            raise ValueError(f"penalty_every must be at least 1 step, received {self.penalty_every}")


def objective_of(
    loss: str,
    penalty: str | None,
    penalty_scale: float | None,
    penalty_every: int,
    *,
    mismatched: bool,
    guidance: float,
) -> Objective:
    """An Objective whose penalty, where it is None, is zero-centred for the relativistic loss, as R3GAN's, and matching for the others.

    Raises ValueError for a scale of no penalty.
    """
    if penalty == "none" and penalty_scale:
        raise ValueError(f"penalty_scale must be left out where penalty is 'none', received {penalty_scale}")
    if penalty is None:
        penalty = "zero_centred" if loss == "relativistic" else "matching"
    if penalty_scale is None:
        penalty_scale = PENALTY_SCALES.get(penalty, 0.0)
    return Objective(loss, penalty, penalty_scale, penalty_every, mismatched, guidance)
