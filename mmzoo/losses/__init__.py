"""Training objectives as pure functions on keras.ops, computed in float32 whatever they are given, in nats where they are logarithms.

Two kinds. Where each example has a loss of its own there is one number an example, so weights, missing labels and the mean stay the
caller's: cross_entropy, binary_cross_entropy, hinge_loss, matching_loss, distillation_loss (CrossEntropy, BinaryCrossEntropy and HingeLoss
are the same for `compile`). What compares the examples of a batch, or averages over what was hidden of them, is a scalar:
contrastive_loss, sigmoid_loss, triplet_loss, masked_token_loss, masked_image_loss. masked_mean leads from the first kind to the second.
Predictions come first, what they should be second; the classes have Keras's order, (y_true, y_pred).
"""

from mmzoo.losses.adversarial import discriminator_loss, generator_loss, matching_penalty, zero_centred_penalty
from mmzoo.losses.classes import BinaryCrossEntropy, CrossEntropy, HingeLoss
from mmzoo.losses.classification import binary_cross_entropy, cross_entropy, hinge_loss
from mmzoo.losses.contrastive import contrastive_loss, repeated_rows, sigmoid_loss
from mmzoo.losses.distillation import distillation_loss
from mmzoo.losses.masked import masked_image_loss, masked_mean, masked_token_accuracy, masked_token_loss
from mmzoo.losses.matching import matching_loss
from mmzoo.losses.triplet import triplet_loss

__all__ = [
    "BinaryCrossEntropy",
    "CrossEntropy",
    "HingeLoss",
    "binary_cross_entropy",
    "contrastive_loss",
    "cross_entropy",
    "discriminator_loss",
    "distillation_loss",
    "generator_loss",
    "hinge_loss",
    "masked_image_loss",
    "masked_mean",
    "masked_token_accuracy",
    "masked_token_loss",
    "matching_loss",
    "matching_penalty",
    "repeated_rows",
    "sigmoid_loss",
    "triplet_loss",
    "zero_centred_penalty",
]
