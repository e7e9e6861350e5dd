"""Two encoders and a fusion: what reads a picture together with a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.encoders.contract import encode_images, inputs_like, read_by_heads
from mmzoo.fusion import build_fusion
from mmzoo.layers import Absent, StandIn

PRESENT = {"images": "image_present", "token_ids": "text_present"}
"""The input that says for each example whether the one of this name is there."""


@keras.saving.register_keras_serializable("mmzoo")
class Trunk(keras.Model):
    """An image encoder, a text encoder and a fusion of what they give (the multimodal encoder of ALBEF, arXiv:2107.07651, figure 1).

    Inputs:  images (B, H, W, 3) in [0, 255]; token_ids (B, T) int32; with missing_modalities also image_present and text_present (B,) bool.
    Outputs: the fusion's {"sequence", "pooled", "mask"} (see mmzoo.fusion).
    fusion: a name of mmzoo.fusion.FUSIONS or a layer of mmzoo.fusion; width: of a named one, default the text's pooled size.
    What is not present is replaced by a learned vector (see mmzoo.layers.Absent), and so is a caption whose mask is False throughout:
    one of padding alone, where the text encoder's mask_rule is "pad_id". In training pictures of the same batch stand where some are
    missing, for a batch normalisation's sake (see mmzoo.layers.StandIn); in a batch without any, its statistics are of what is given
    instead: freeze the image encoder to learn from texts alone.
    Parts: image_encoder, text_encoder, fusion; encode and fuse run them apart.
    Raises ValueError for encoders that do not keep the contract or whose outputs lack something that is fused.
    """

    def __init__(
        self,
        image_encoder: keras.Model,
        text_encoder: keras.Model,
        fusion: str | keras.layers.Layer = "concat",
        *,
        width: int | None = None,
        missing_modalities: bool = False,
        name: str = "trunk",
        **kwargs: Any,
    ) -> None:
        policy = kwargs.pop("dtype", None)
        inputs = _inputs(image_encoder, text_encoder, missing_modalities)
        stand_in = StandIn(dtype="float32", name="stand_in") if missing_modalities else None
        images = inputs["images"] if stand_in is None else stand_in(inputs["images"], inputs["image_present"])
        image = encode_images(image_encoder, images)
        text = text_encoder({"token_ids": inputs["token_ids"]})
        _check_outputs("image", image, ("sequence", "pooled"))
        _check_outputs("text", text, ("sequence", "pooled", "mask"))
        image_absent = Absent(dtype=policy, name="image_absent") if missing_modalities else None
        text_absent = Absent(dtype=policy, name="text_absent")
        fusion = build_fusion(fusion, text["pooled"].shape[-1] if width is None else width, dtype=policy)
        if image_absent is not None:
            image = image_absent(read_by_heads(image), inputs["image_present"])
        text = text_absent(read_by_heads(text), inputs.get("text_present"))
        super().__init__(inputs=inputs, outputs=fusion(read_by_heads(image), text), name=name, **kwargs)
        if policy is not None:
            self.dtype_policy = policy
        self.image_encoder, self.text_encoder, self.fusion = image_encoder, text_encoder, fusion
        self.stand_in, self.image_absent, self.text_absent = stand_in, image_absent, text_absent
        self.missing_modalities = missing_modalities

    @property
    def width(self) -> int:
        """The size of the fused vectors."""
        return int(self.output["sequence"].shape[-1])

    def encode(
        self, inputs: Mapping[str, Any], *, patch_mask: Any = None, training: bool | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the two encoders give, (image, text), with what is absent replaced; patch_mask (B, N) hides patches of a ViT."""
        images, present = inputs["images"], inputs.get("image_present")
        if self.stand_in is not None and present is not None:
            images = self.stand_in(images, present, training=training)
        image = read_by_heads(encode_images(self.image_encoder, images, patch_mask, training=training))
        if self.image_absent is not None:
            image = self.image_absent(image, present)
        return image, self.encode_text(inputs["token_ids"], inputs.get("text_present"), training=training)

    def encode_text(self, token_ids: Any, present: Any = None, *, training: bool | None = None) -> dict[str, Any]:
        """What the text encoder gives for token ids (B, T), with what is absent replaced."""
        return self.text_absent(read_by_heads(self.text_encoder({"token_ids": token_ids}, training=training)), present)

    def fuse(
        self,
        image: Mapping[str, Any],
        text: Mapping[str, Any],
        *,
        return_attention: bool = False,
        training: bool | None = None,
    ) -> dict[str, Any]:
        """The fusion of what encode gave, in any combination of the two."""
        return self.fusion(image, text, return_attention=return_attention, training=training)

    def get_config(self) -> dict[str, Any]:
        return {
            "image_encoder": keras.saving.serialize_keras_object(self.image_encoder),
            "text_encoder": keras.saving.serialize_keras_object(self.text_encoder),
            "fusion": keras.saving.serialize_keras_object(self.fusion),
            "missing_modalities": self.missing_modalities,
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Trunk:
        config = dict(config)
        for key in ("image_encoder", "text_encoder", "fusion", "dtype"):
            config[key] = keras.saving.deserialize_keras_object(config[key], custom_objects=custom_objects)
        return cls(**config)


def named_inputs(model: keras.Model, inputs: Any) -> Any:
    """Inputs by name: a list is [text, image], that is [token_ids, images]; of a model that may miss a modality, what is not
    there is filled in.

    Raises ValueError for a list of another length, or a dictionary that lacks an input.
    """
    names = [tensor.name for tensor in model.inputs]
    if isinstance(inputs, (list, tuple)):
        if len(inputs) != 2:
            raise ValueError(f"a list of inputs must be [text, image] (token_ids, images), received {len(inputs)}")
        ranks = [len(ops.shape(each)) for each in inputs]
        if ranks == [4, 2]:
            raise ValueError("a list of inputs must be [text, image] (token_ids, images), received the images first")
        inputs = {"token_ids": inputs[0], "images": inputs[1]}
    if not isinstance(inputs, Mapping):
        raise ValueError(
            f"inputs must be a dictionary with {', '.join(names)}, or a list [text, image], received one array"
        )
    filled = dict(inputs)
    if "image_present" in names and filled.keys() & {"images", "token_ids"}:
        # Keras takes arrays or tensors, not some of each, and what is filled in are tensors.
        filled = {key: ops.convert_to_tensor(x) if isinstance(x, np.ndarray) else x for key, x in filled.items()}
        other = next(iter(filled.values()))
        for tensor in model.inputs:
            if tensor.name in PRESENT and tensor.name not in filled:
                filled[tensor.name] = ops.zeros((ops.shape(other)[0], *tensor.shape[1:]), tensor.dtype)
                filled[PRESENT[tensor.name]] = ops.zeros((ops.shape(other)[0],), "bool")
        for present in PRESENT.values():
            if present not in filled:
                filled[present] = ops.ones((ops.shape(other)[0],), "bool")
    if missing := [name for name in names if name not in filled]:
        known = ", ".join(name for name in names if name in filled) or "others"
        known_missing = {"images", "token_ids"}.issuperset(missing)
        hint = (
            ""
            if "image_present" in names or not known_missing
            else " (missing_modalities=True makes a model that does without)"
        )
        raise ValueError(f"inputs must have {', '.join(names)}, received {known} without {', '.join(missing)}{hint}")
    return filled


def _inputs(image_encoder: keras.Model, text_encoder: keras.Model, missing_modalities: bool) -> dict[str, Any]:
    images, texts = inputs_like(image_encoder), inputs_like(text_encoder)
    images.pop("patch_mask", None)
    for modality, wanted, received in (("image", "images", images), ("text", "token_ids", texts)):
        if set(received) != {wanted}:
            raise ValueError(f"{modality}_encoder must have the input {wanted}, received {sorted(received)}")
        if None in received[wanted].shape[1:]:
            shape = tuple(received[wanted].shape)
            raise ValueError(f"{modality}_encoder must have a fixed input shape, received {shape}")
    inputs = images | texts
    if missing_modalities:
        inputs |= {name: keras.Input((), dtype="bool", name=name) for name in PRESENT.values()}
    return inputs


def _check_outputs(modality: str, outputs: Any, wanted: tuple[str, ...]) -> None:
    received = sorted(outputs) if isinstance(outputs, Mapping) else repr(outputs)
    if not isinstance(outputs, Mapping) or any(name not in outputs for name in wanted):
        raise ValueError(f"{modality}_encoder must return a dictionary with {', '.join(wanted)}, received {received}")
