"""Image-text contrast: both modalities on one sphere."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.layers import EmbeddingQueue, LogitScale
from mmzoo.losses import contrastive_loss, distillation_loss, repeated_rows
from mmzoo.losses.contrastive import hash_rows
from mmzoo.training.replicas import gather_batch

_EMPTY = -1e9


@keras.saving.register_keras_serializable("mmzoo")
class ContrastHead(keras.layers.Layer):
    """CLIP's projections and temperature (arXiv:2103.00020, section 2.3): pooled (B, Di), (B, Dt) -> image_embeds, text_embeds (B, E)
    float32 with norm 1.

    Parts: image_projection, text_projection (without bias), logit_scale. Raises ValueError for embed_dim under 1.
    """

    def __init__(self, embed_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if embed_dim < 1:
            raise ValueError(f"embed_dim must be at least 1, received {embed_dim}")
        self.embed_dim = embed_dim
        self.norm = keras.layers.UnitNormalization(dtype="float32", name="norm")
        self.logit_scale = LogitScale(name="logit_scale")

    def build(self, image_shape: Any, text_shape: Any) -> None:
        self.image_projection, self.text_projection = (
            keras.layers.Dense(
                self.embed_dim,
                use_bias=False,
                kernel_initializer=keras.initializers.RandomNormal(stddev=shape[-1] ** -0.5),
                dtype=self.dtype_policy,
                name=f"{side}_projection",
            )
            for side, shape in (("image", image_shape), ("text", text_shape))
        )
        self.image_projection.build(image_shape)
        self.text_projection.build(text_shape)
        self.logit_scale.build()
        self.built = True

    def call(self, image: Any, text: Any) -> tuple[Any, Any]:
        return self.norm(self.image_projection(image)), self.norm(self.text_projection(text))

    def logits(self, image_embeds: Any, text_embeds: Any) -> Any:
        """Scaled similarities (B, C), pictures in rows."""
        return self.logit_scale(ops.matmul(image_embeds, ops.transpose(text_embeds)))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"embed_dim": self.embed_dim}


def contrast_loss(head: ContrastHead, image_embeds: Any, text_embeds: Any, token_ids: Any) -> Any:
    """CLIP's loss over all replicas' batches, repeated captions being positives of one another, in nats."""
    image_embeds, text_embeds, token_ids = gather_batch(image_embeds, text_embeds, token_ids)
    return contrastive_loss(head.logits(image_embeds, text_embeds), repeated_rows(token_ids))


def queued_contrast_loss(
    head: ContrastHead,
    embeds: tuple[Any, Any],
    teacher_embeds: tuple[Any, Any],
    token_ids: Any,
    queue: EmbeddingQueue | None,
    distillation: float,
) -> Any:
    """ALBEF's loss (arXiv:2107.07651, section 3.2, eq. 1-2, and section 3.4, eq. 6), in nats: each picture against what the momentum
    model makes of this batch's texts and of those in the queue, and each text against the pictures; the targets are the positives,
    repeated captions among them, mixed with the momentum model's own opinion.

    embeds, teacher_embeds: (images, texts), each (B, E). The teacher's are put into the queue.
    """
    hashes = hash_rows(token_ids)
    positives = repeated_rows(token_ids)
    candidates = list(teacher_embeds)
    empty = None
    if queue is not None:
        filled = queue.is_filled()
        again = ops.all(ops.equal(hashes[:, None, :], ops.convert_to_tensor(queue.text_hashes)[None]), axis=-1)
        positives = ops.concatenate([positives, ops.logical_and(again, filled)], axis=1)
        queued = (queue.image_embeds, queue.text_embeds)
        candidates = [
            ops.concatenate([new, ops.convert_to_tensor(old)], axis=0)
            for new, old in zip(candidates, queued, strict=True)
        ]
        empty = ops.concatenate([ops.zeros_like(token_ids[:, 0], dtype="bool"), ops.logical_not(filled)], axis=0)
    targets = ops.cast(positives, "float32")
    targets = targets / ops.sum(targets, axis=1, keepdims=True)
    losses = []
    for side in (0, 1):
        logits, teacher_logits = (
            head.logits(rows, candidates[1 - side]) for rows in (embeds[side], teacher_embeds[side])
        )
        if empty is not None:
            logits, teacher_logits = (ops.where(empty[None], _EMPTY, x) for x in (logits, teacher_logits))
        losses.append(ops.mean(distillation_loss(logits, teacher_logits, targets, alpha=distillation)))
    if queue is not None:
        queue(*teacher_embeds, hashes)
    return 0.5 * (losses[0] + losses[1])
