"""One pass through a pretrainer's parts, for all its objectives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

from mmzoo.encoders.contract import encode_images, read_by_heads
from mmzoo.encoders.hiding import token_table
from mmzoo.models.objectives import fuse_with_negatives, unread


def run_objectives(model: Any, x: Mapping[str, Any], training: bool | None) -> dict[str, Any]:
    """A Pretrainer's outputs, of its inputs."""
    outputs: dict[str, Any] = {}
    image, text = _encode(model, x, training)
    seen = [part for part in (image, text) if part is not None]
    logits = hidden = None
    if model.contrast is not None:
        embeds = model.contrast(image["pooled"], text["pooled"])
        outputs["image_embeds"], outputs["text_embeds"] = embeds
        logits = model.contrast.logits(*embeds)
    if model.match_head is not None:
        present = model.trunk.text_absent(text)
        scores, fused = fuse_with_negatives(
            model.trunk, model.match_head, model.negatives, image, present, logits, x["token_ids"], training
        )
        outputs |= scores
        seen += [present, fused]
    if model.token_masking is not None:
        hidden = model.token_masking(x["token_ids"], training=training)
        outputs["token_logits"], read = _guess_tokens(model, image, hidden, training)
        outputs |= {"tokens": hidden["tokens"], "tokens_counted": hidden["counted"]}
        seen += read
    if model.patch_masking is not None:
        patch_mask = model.patch_masking(x["images"], training=training)
        guessed = read_by_heads(encode_images(model.image_encoder, x["images"], patch_mask, training=training))
        outputs |= {"pixels": model.pixel_head(guessed["sequence"]), "patch_mask": patch_mask}
        seen.append(guessed)
    if model.teacher is not None and training:
        outputs |= _ask_teacher(model, x, hidden)
    return outputs | {"unread": unread(*seen)}


def _encode(model: Any, x: Mapping[str, Any], training: bool | None) -> tuple[Any, Any]:
    """What the encoders make of pictures and texts as they are, where an objective reads that."""
    image = text = None
    if model.contrast is not None or model.trunk is not None:
        image = read_by_heads(encode_images(model.image_encoder, x["images"], training=training))
    if model.contrast is not None or model.match_head is not None:
        text = read_by_heads(model.text_encoder({"token_ids": x["token_ids"]}, training=training))
    return image, text


def _guess_tokens(model: Any, image: Any, hidden: Mapping[str, Any], training: bool | None) -> tuple[Any, list[Any]]:
    """Logits (B, K, V) of the hidden tokens, and what the encoder and the fusion gave on the way."""
    read = read_by_heads(model.text_encoder({"token_ids": hidden["token_ids"]}, training=training))
    seen = [read]
    if model.trunk is not None:
        present = model.trunk.text_absent(read)
        read = model.trunk.fuse(image, present, training=training)
        seen += [present, read]
    vectors = ops.take_along_axis(read["sequence"], hidden["positions"][:, :, None], axis=1)
    return model.token_head(vectors, token_table(model.text_encoder)), seen


def _ask_teacher(model: Any, x: Mapping[str, Any], hidden: Any) -> dict[str, Any]:
    """What the momentum model makes of the same batch, without gradient."""
    answers: dict[str, Any] = {}
    with model.teacher.standing_in(model.averaged_layers()):
        image, text = _encode(model, x, False)
        if model.contrast is not None:
            image_embeds, text_embeds = model.contrast(image["pooled"], text["pooled"])
            answers |= {"teacher_image_embeds": image_embeds, "teacher_text_embeds": text_embeds}
        if hidden is not None:
            answers["teacher_token_logits"], _ = _guess_tokens(model, image, hidden, False)
    return {name: ops.stop_gradient(value) for name, value in answers.items()}
