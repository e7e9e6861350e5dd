"""One step of both sides: the discriminator's on what the generator draws now, then the generator's on the same pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from keras import ops

from mmzoo.losses.adversarial import discriminator_loss, generator_loss, matching_penalty, zero_centred_penalty
from mmzoo.training.gradients import input_gradients, pullback, value_and_gradients

if TYPE_CHECKING:
    from mmzoo.models.text_to_image.model import TextToImage

HALF_RANGE = 127.5
"""Penalties are those of pictures in [-1, 1], as in the papers; the pictures are in [0, 255]."""


class Losses(NamedTuple):
    """Of one step, each a scalar float32. cosine: of the generated pictures with their texts, where a CLIP guides."""

    generator: Any
    discriminator: Any
    cosine: Any


def adversarial_step(
    model: TextToImage, images: Any, token_ids: Any, mismatched_ids: Any, guide_token_ids: Any
) -> Losses:
    """Changes both sides and the average of the generator's weights."""
    sides, objective = model.optimizer, model.objective
    read = model.text_reader({"token_ids": token_ids}, training=False)
    batch = ops.shape(images)[0]
    noise = model.draw_noise(batch)
    augment, draws = model.augmentation, [model.augmentation.draw(batch) for _ in range(3)]
    variables = model.generator.trainable_variables
    fakes, back = pullback(lambda: model.generator({"noise": noise, **read})["images"], variables, model)

    real_seen, fake_seen = augment(images, draws[0]), augment(ops.stop_gradient(fakes), draws[1])
    wrong, counted = None, None
    if objective.mismatched:
        wrong = model.text_reader({"token_ids": mismatched_ids}, training=False)["text"]
        counted = ops.any(ops.not_equal(token_ids, mismatched_ids), axis=1)
    discriminator_loss_value = _discriminator_step(model, real_seen, fake_seen, read["text"], wrong, counted)

    real_logits = None
    if objective.loss == "relativistic":
        judge = model.discriminator
        real_logits = ops.stop_gradient(judge.logits(judge.read(real_seen), read["text"]))
    scale = ops.cast(sides.generator.scale_loss(1.0), "float32")

    def scaled_losses(pictures: Any) -> Any:
        logits = model.discriminator.logits(model.discriminator.read(augment(pictures, draws[2])), read["text"])
        adversarial = generator_loss(logits, real_logits, loss=objective.loss)
        return scale * ops.stack([adversarial, -objective.guidance * _cosine(model, pictures, guide_token_ids)])

    losses, (gradient,) = input_gradients(scaled_losses, fakes)
    before = sides.generator.iterations + 0  # a number of its own: TensorFlow reads a variable where it is used
    sides.generator.apply(back(gradient), variables)
    _follow(model, before)
    adversarial, guidance = ops.split(losses / scale, 2)
    cosine = -guidance[0] / objective.guidance if objective.guidance else 0.0 * guidance[0]
    return Losses(adversarial[0] + guidance[0], discriminator_loss_value, cosine)


def _discriminator_step(model: TextToImage, real: Any, fake: Any, text: Any, wrong: Any, counted: Any) -> Any:
    """One step of the discriminator; the loss of the logits alone, without the penalty, is returned."""
    judge, side, objective = model.discriminator, model.optimizer.discriminator, model.objective
    variables = judge.trainable_variables
    scale = ops.cast(side.scale_loss(1.0), "float32")

    def loss() -> Any:
        real_map, fake_map = ops.split(judge.read(ops.concatenate([real, fake])), 2)
        mismatched = None if wrong is None else judge.logits(real_map, wrong)
        return discriminator_loss(
            judge.logits(real_map, text), judge.logits(fake_map, text), mismatched, counted=counted, loss=objective.loss
        )

    def plain() -> Any:
        value, gradients = value_and_gradients(loss, variables, model, scale=scale)
        return [value, *gradients]

    def with_penalty() -> Any:
        value, back = pullback(lambda: ops.stack([loss(), _penalty(model, real, fake, text)]), variables, model)
        return [value[0], *back(scale * ops.convert_to_tensor([1.0, float(objective.penalty_every)]))]

    if objective.penalty == "none" or not objective.penalty_scale:
        value, *gradients = plain()
    elif objective.penalty_every == 1:
        value, *gradients = with_penalty()
    else:
        is_turn = ops.equal(side.iterations % objective.penalty_every, 0)
        value, *gradients = ops.cond(is_turn, with_penalty, plain)
    side.apply(gradients, variables)
    return value


def _penalty(model: TextToImage, real: Any, fake: Any, text: Any) -> Any:
    judge, objective = model.discriminator, model.objective

    def judged(images: Any, text: Any) -> Any:
        return judge.logits(judge.read(images), text)

    _, (of_real, of_text) = input_gradients(judged, real, text)
    if objective.penalty == "matching":
        return matching_penalty(HALF_RANGE * of_real, of_text, scale=objective.penalty_scale)
    _, (of_fake, _) = input_gradients(judged, fake, text)
    both = (zero_centred_penalty(HALF_RANGE * each, gamma=objective.penalty_scale) for each in (of_real, of_fake))
    return sum(both)


def _cosine(model: TextToImage, pictures: Any, token_ids: Any) -> Any:
    """The mean cosine of pictures with their texts by the CLIP that guides; 0 where none does."""
    if model.guide is None or not model.objective.guidance:
        return ops.zeros(())
    return ops.mean(model.guide({"images": pictures, "token_ids": token_ids}, training=False)["cosine"])


def _follow(model: TextToImage, before: Any) -> None:
    """Moves the averaged generator where the weights were moved, which accumulation does not each step; at first faster, so that the
    random start is forgotten. before: the number of moves there had been."""
    now = model.optimizer.generator.iterations + 0
    kept = ops.minimum(model.average_decay, 1.0 - 10.0 / (10.0 + ops.cast(now, "float32")))
    kept = ops.where(ops.equal(now, before), 1.0, kept)
    for average, weight in zip(model.averaged_generator.weights, model.generator.weights, strict=True):
        average.assign(kept * average + (1.0 - kept) * weight)
