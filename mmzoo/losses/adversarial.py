"""What a generator and a discriminator want of one another, as functions of the discriminator's logits and of their gradients."""

from __future__ import annotations

from typing import Any

from keras import ops

from mmzoo.losses.masked import masked_mean
from mmzoo.losses.shapes import check_shape

ADVERSARIAL_LOSSES = ("bce", "hinge", "relativistic")


def discriminator_loss(real: Any, fake: Any, mismatched: Any = None, *, counted: Any = None, loss: str = "bce") -> Any:
    """What a discriminator of pictures and texts is to lower: logits (B,) each -> scalar float32.

    real: of pictures with their texts; fake: of generated ones with the texts they were drawn for; mismatched: of real pictures with
    texts of others (matching-aware, arXiv:1605.05396, section 4.1), which weighs as much as fake, half each (arXiv:2008.05865,
    section 3.3). counted (B,) bool: which mismatched ones there are, default all.
    loss: "bce", in nats: -log D for what is real and fits, -log(1 - D) for the others, D the sigmoid (arXiv:1406.2661, section 3); "hinge":
    logits are to be above 1, or below -1 (arXiv:1705.02894); "relativistic", in nats: real ones above the others, one by one
    (arXiv:1807.00734; arXiv:2501.05441, section 2). Zero logits give 2 log 2, 2, and log 2.
    Raises ValueError for an unknown loss, or logits that differ in shape: they would be broadcast.
    """
    _check(loss, real, fake, mismatched)
    real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
    others = ops.mean(_against(loss, real, fake))
    if mismatched is not None:
        wrong = _against(loss, real, ops.cast(mismatched, "float32"))
        counted = ops.ones_like(wrong, "bool") if counted is None else counted
        others = 0.5 * (others + masked_mean(wrong, counted))
    if loss == "relativistic":
        return others
    return others + ops.mean(ops.softplus(-real) if loss == "bce" else ops.relu(1.0 - real))


def generator_loss(fake: Any, real: Any = None, *, loss: str = "bce") -> Any:
    """What a generator is to lower, of the discriminator's logits (B,) of its pictures -> scalar float32.

    loss: "bce": -log D, in nats, the form that does not saturate (arXiv:1406.2661, section 3); "hinge": -logit; "relativistic": fakes
    are to be above the real ones of the same texts, whose logits are `real`.
    Raises ValueError for an unknown loss, or "relativistic" without real.
    """
    _check(loss, fake, real)
    fake = ops.cast(fake, "float32")
    if loss == "hinge":
        return -ops.mean(fake)
    if loss == "bce":
        return ops.mean(ops.softplus(-fake))
    if real is None:
        raise ValueError("real must be the logits of real pictures for the relativistic loss, received None")
    return ops.mean(ops.softplus(ops.cast(real, "float32") - fake))


def matching_penalty(image_gradients: Any, text_gradients: Any, *, scale: float = 2.0, power: float = 6.0) -> Any:
    """Matching-aware gradient penalty, scale * mean (|d/d image|^2 + |d/d text|^2)^(power / 2): the norm of both gradients as one vector,
    where DF-GAN (arXiv:2008.05865, section 3.3, with scale 2 and power 6) adds their norms.

    Gradients of the logits of real pictures with their texts: (B, H, W, C) and (B, E) -> scalar float32. Without their slope the
    discriminator would jump at the real pairs, and push the generator past them.
    """
    return scale * ops.mean(ops.power(_squared_norm(image_gradients) + _squared_norm(text_gradients), power / 2))


def zero_centred_penalty(image_gradients: Any, *, gamma: float = 1.0) -> Any:
    """gamma / 2 * mean |d/d image|^2: R1 of real pictures, R2 of generated ones (arXiv:1801.04406, section 4.1; arXiv:2501.05441).

    Gradients of the logits, (B, H, W, C) -> scalar float32.
    """
    return 0.5 * gamma * ops.mean(_squared_norm(image_gradients))


def _against(loss: str, real: Any, wrong: Any) -> Any:
    """What each wrong logit costs the discriminator."""
    if loss == "hinge":
        return ops.relu(1.0 + wrong)
    return ops.softplus(wrong if loss == "bce" else wrong - real)


def _squared_norm(gradients: Any) -> Any:
    return ops.sum(ops.square(ops.cast(gradients, "float32")), axis=tuple(range(1, len(gradients.shape))))


def _check(loss: str, first: Any, *others: Any) -> None:
    if loss not in ADVERSARIAL_LOSSES:
        raise ValueError(f"loss must be one of {', '.join(ADVERSARIAL_LOSSES)}, received {loss!r}")
    for other in others:
        if other is not None:
            check_shape("logits", other, tuple(first.shape))
