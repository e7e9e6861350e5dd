"""Each objective's loss and accuracy, of what the model gave."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mmzoo.losses import distillation_loss, masked_image_loss, masked_mean, masked_token_accuracy, masked_token_loss
from mmzoo.models.objectives import contrast_loss, matching_terms, queued_contrast_loss


def objective_terms(model: Any, x: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    """{"itc_loss", "itm_loss", "itm_accuracy", ...}, scalars, of a Pretrainer's inputs and outputs. The queue takes the batch in."""
    terms = {}
    if "itc" in model.objectives:
        embeds = outputs["image_embeds"], outputs["text_embeds"]
        if "teacher_image_embeds" in outputs:
            teacher = outputs["teacher_image_embeds"], outputs["teacher_text_embeds"]
            terms["itc_loss"] = queued_contrast_loss(
                model.contrast, embeds, teacher, x["token_ids"], model.queue, model.distillation
            )
        else:
            terms["itc_loss"] = contrast_loss(model.contrast, *embeds, x["token_ids"])
    if "itm" in model.objectives:
        terms["itm_loss"], terms["itm_accuracy"] = matching_terms(outputs["match_logits"], outputs["match_counted"])
    if "mlm" in model.objectives:
        logits, tokens, counted = outputs["token_logits"], outputs["tokens"], outputs["tokens_counted"]
        if "teacher_token_logits" in outputs:
            losses = distillation_loss(logits, outputs["teacher_token_logits"], tokens, alpha=model.distillation)
            terms["mlm_loss"] = masked_mean(losses, counted)
        else:
            terms["mlm_loss"] = masked_token_loss(logits, tokens, counted)
        terms["mlm_accuracy"] = masked_token_accuracy(logits, tokens, counted)
    if "mim" in model.objectives:
        patch_size = math.isqrt(outputs["pixels"].shape[-1] // 3)
        terms["mim_loss"] = masked_image_loss(
            outputs["pixels"], x["images"], outputs["patch_mask"], patch_size=patch_size
        )
    return terms
