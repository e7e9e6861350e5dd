"""CLIP: two encoders on one unit sphere."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.encoders import build_convnet, build_text_transformer, build_vit
from mmzoo.layers import LogitScale
from mmzoo.losses import contrastive_loss, repeated_rows, sigmoid_loss
from mmzoo.presets import CLIP_PRESETS, ClipPreset, ConvnetSizes, ImagePreprocessing, TextSizes, ViTSizes
from mmzoo.signature import Part, TensorSpec
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.input_range import InputRange, WarnOnUnitRange, warn_if_unit_range
from mmzoo.training.replicas import gather_batch, replica_share

LOSSES = {"softmax": contrastive_loss, "sigmoid": sigmoid_loss}


@keras.saving.register_keras_serializable("mmzoo")
class CLIP(keras.Model):
    """Projects two encoders onto one unit sphere and learns which picture belongs to which text (arXiv:2103.00020, section 2.3).

    Inputs:  images (B, H, W, 3) in [0, 255], any dtype; token_ids (B, T) int32.
    Outputs: image_embeds, text_embeds, each (B, embed_dim) float32 with L2 norm 1.

    Train with `compile(optimizer)` and `fit` on dictionaries of inputs; no labels are needed. Captions repeated in a batch are
    positives of one another. Parts: image_encoder, text_encoder; image_tower, text_tower (encoder, projection and norm, each a
    keras.Model); logit_scale. tokenizer and image_preprocessing belong to the model and are saved in its .keras file.
    Raises ValueError for encoders without a pooled output, embed_dim < 1 or an unknown loss.
    """

    def __init__(
        self,
        image_encoder: keras.Model,
        text_encoder: keras.Model,
        *,
        embed_dim: int = 512,
        loss: str = "softmax",
        tokenizer: Tokenizer | None = None,
        image_preprocessing: ImagePreprocessing | None = None,
        name: str = "clip",
        **kwargs: Any,
    ) -> None:
        if loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, received {loss!r}")
        if embed_dim < 1:
            raise ValueError(f"embed_dim must be at least 1, received {embed_dim}")
        policy = kwargs.pop("dtype", None)
        image_tower = _build_tower(image_encoder, "images", "image", embed_dim, policy)
        text_tower = _build_tower(text_encoder, "token_ids", "text", embed_dim, policy)
        inputs = {**_inputs_like(image_tower), **_inputs_like(text_tower)}
        outputs = image_tower({"images": inputs["images"]}) | text_tower({"token_ids": inputs["token_ids"]})
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)
        if policy is not None:
            self.dtype_policy = policy  # compile looks here when it decides on loss scaling
        self.image_tower, self.text_tower = image_tower, text_tower
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.embed_dim, self.loss_name = embed_dim, loss
        is_sigmoid = loss == "sigmoid"
        self.logit_scale = LogitScale(
            10.0 if is_sigmoid else 1 / 0.07, initial_bias=-10.0 if is_sigmoid else None, name="logit_scale"
        )
        self.logit_scale.build()
        self.input_range = InputRange(name="input_range")
        self.tokenizer = tokenizer
        self.image_preprocessing = image_preprocessing or ImagePreprocessing(size=self.image_size)

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return tuple(self.image_tower.inputs[0].shape[1:3])

    @property
    def context_length(self) -> int:
        """Number of token ids a text has, padding included."""
        return int(self.text_tower.inputs[0].shape[1])

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The contrastive loss over all replicas' batches, in nats, with any loss the layers added."""
        self.input_range.update_state(x["images"])
        image_embeds, text_embeds, token_ids = gather_batch(
            y_pred["image_embeds"], y_pred["text_embeds"], x["token_ids"]
        )
        similarities = ops.matmul(image_embeds, ops.transpose(text_embeds))
        loss = LOSSES[self.loss_name](self.logit_scale(similarities), repeated_rows(token_ids))
        for added in self.losses:
            loss = loss + ops.sum(ops.cast(added, loss.dtype))
        return replica_share(loss)

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """keras.Model.fit, with a warning if the first batch's images look like [0, 1] instead of [0, 255]."""
        if hasattr(x, "element_spec"):
            kwargs.setdefault("shuffle", False)  # a tf.data.Dataset shuffles itself; Keras warns where it is told to
        callbacks = kwargs.pop("callbacks", None) or []
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = [*(callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]), WarnOnUnitRange()]
        return super().fit(x, *args, callbacks=callbacks, **kwargs)

    def encode_image(self, images: Any, *, batch_size: int = 64) -> np.ndarray:
        """Embeds pictures: (N, H, W, 3) in [0, 255] at the model's size -> (N, embed_dim) float32, norm 1.

        Pictures of other sizes and files are read by mmzoo.data (safe_decode, resize). Warns if all values are at most 1.
        Raises ValueError for another shape: resizing silently would not be the training's preprocessing.
        """
        images = np.asarray(images)
        expected = (*self.image_size, 3)
        if images.ndim != 4 or images.shape[1:] != expected:
            raise ValueError(f"images must have shape (N, {', '.join(map(str, expected))}), received {images.shape}")
        if not len(images):
            return np.zeros((0, self.embed_dim), "float32")
        warn_if_unit_range(images.max())
        return self.image_tower.predict({"images": images}, batch_size=batch_size, verbose=0)["image_embeds"]

    def encode_text(self, texts: Sequence[str] | np.ndarray, *, batch_size: int = 256) -> np.ndarray:
        """Embeds texts, or token ids (N, T) that stand for them: N strings -> (N, embed_dim) float32, norm 1.

        Raises ValueError for strings where the model has no tokenizer, or token ids of another length.
        """
        if isinstance(texts, np.ndarray) and np.issubdtype(texts.dtype, np.integer):
            token_ids = texts
        else:
            if self.tokenizer is None:
                raise ValueError(
                    "texts must be token ids where the model has no tokenizer: build_clip(..., tokenizer=...) gives it one"
                )
            token_ids = self.tokenizer(texts, self.context_length)
        if token_ids.ndim != 2 or token_ids.shape[1] != self.context_length:
            raise ValueError(f"token ids must have shape (N, {self.context_length}), received {token_ids.shape}")
        if not len(token_ids):
            return np.zeros((0, self.embed_dim), "float32")
        return self.text_tower.predict({"token_ids": token_ids}, batch_size=batch_size, verbose=0)["text_embeds"]

    def similarity(self, images: Any, texts: Sequence[str] | np.ndarray) -> np.ndarray:
        """Cosine of every picture with every text: -> (number of images, number of texts) float32 in [-1, 1]."""
        return self.encode_image(images) @ self.encode_text(texts).T

    def export_parts(self) -> dict[str, Part]:
        """The towers with their inputs as an artifact declares them: uint8 pictures, int32 token ids."""
        vocab_size = self.tokenizer.vocab_size if self.tokenizer else 2
        image = TensorSpec("images", (None, *self.image_size, 3), "uint8", (0, 255))
        text = TensorSpec("token_ids", (None, self.context_length), "int32", (0, vocab_size - 1))
        return {"image": Part(self.image_tower, (image,)), "text": Part(self.text_tower, (text,))}

    def get_config(self) -> dict[str, Any]:
        return {
            "image_encoder": keras.saving.serialize_keras_object(self.image_encoder),
            "text_encoder": keras.saving.serialize_keras_object(self.text_encoder),
            "embed_dim": self.embed_dim,
            "loss": self.loss_name,
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> CLIP:
        config = dict(config)
        for key in ("image_encoder", "text_encoder", "dtype"):
            config[key] = keras.saving.deserialize_keras_object(config[key], custom_objects=custom_objects)
        return cls(**config)

    def save_assets(self, directory: str) -> None:
        """Writes tokenizer.json and preprocessing.json into a .keras file; Keras calls it."""
        if self.tokenizer is not None:
            self.tokenizer.save(Path(directory) / "tokenizer.json")
        text = json.dumps(dataclasses.asdict(self.image_preprocessing))
        (Path(directory) / "preprocessing.json").write_text(text, encoding="utf-8")

    def load_assets(self, directory: str) -> None:
        """Reads what save_assets wrote; Keras calls it."""
        path = Path(directory) / "tokenizer.json"
        if path.exists():
            self.tokenizer = Tokenizer.from_file(path)
        fields = json.loads((Path(directory) / "preprocessing.json").read_text(encoding="utf-8"))
        self.image_preprocessing = ImagePreprocessing(**fields)


def build_clip(
    preset: str | ClipPreset | None = None,
    *,
    image_encoder: keras.Model | None = None,
    text_encoder: keras.Model | None = None,
    tokenizer: Tokenizer | None = None,
    image_preprocessing: ImagePreprocessing | None = None,
    embed_dim: int | None = None,
    loss: str = "softmax",
    name: str = "clip",
) -> CLIP:
    """Builds a CLIP from a preset or from two encoders (arXiv:2103.00020; loss="sigmoid" makes it SigLIP's, arXiv:2303.15343).

    preset: a name ("tiny", "small", "vit_b_32", "vit_b_16", "vit_l_14") or a ClipPreset; an encoder given with it replaces that side.
    tokenizer: gives the text side its vocabulary and its end-of-text id; without one a preset has its published vocabulary.
    embed_dim: default the preset's, or 512. loss: "softmax" (scale starts at 1 / 0.07) or "sigmoid" (scale 10, bias -10).
    Weights start at random; seed them with keras.utils.set_random_seed.
    Raises ValueError for an unknown preset, or neither a preset nor both encoders: there would be a side without a model.
    """
    if isinstance(preset, str):
        if preset not in CLIP_PRESETS:
            raise ValueError(f"preset must be one of {', '.join(CLIP_PRESETS)}, received {preset!r}")
        preset = CLIP_PRESETS[preset]
    if preset is None and (image_encoder is None or text_encoder is None):
        raise ValueError("build_clip needs a preset name, or both image_encoder and text_encoder, received neither")
    if preset is not None:
        image_encoder = image_encoder or _image_encoder(preset.image)
        text_encoder = text_encoder or _text_encoder(preset.text, tokenizer)
        embed_dim = embed_dim or preset.embed_dim
    return CLIP(
        image_encoder,
        text_encoder,
        embed_dim=512 if embed_dim is None else embed_dim,
        loss=loss,
        tokenizer=tokenizer,
        image_preprocessing=image_preprocessing,
        name=name,
    )


def _image_encoder(sizes: ViTSizes | ConvnetSizes) -> keras.Model:
    build = build_vit if isinstance(sizes, ViTSizes) else build_convnet
    return build(**dataclasses.asdict(sizes))


def _text_encoder(sizes: TextSizes, tokenizer: Tokenizer | None) -> keras.Model:
    if tokenizer is None:
        return build_text_transformer(**dataclasses.asdict(sizes))
    sizes = dataclasses.replace(sizes, vocab_size=tokenizer.vocab_size)
    return build_text_transformer(**dataclasses.asdict(sizes), end_id=tokenizer.end_id)


def _build_tower(encoder: keras.Model, input_name: str, modality: str, embed_dim: int, policy: Any) -> keras.Model:
    """Encoder, bias-free projection of its pooled output, and L2 norm in float32."""
    inputs = _inputs_like(encoder)
    if set(inputs) != {input_name}:
        raise ValueError(f"{modality}_encoder must have one input named {input_name}, received {sorted(inputs)}")
    encoded = encoder(inputs)
    if not isinstance(encoded, dict) or "pooled" not in encoded:
        raise ValueError(f"{modality}_encoder must return a dictionary with 'pooled', received {encoded!r}")
    start = keras.initializers.RandomNormal(stddev=encoded["pooled"].shape[-1] ** -0.5)
    project = keras.layers.Dense(embed_dim, use_bias=False, kernel_initializer=start, dtype=policy, name="projection")
    normalize = keras.layers.UnitNormalization(dtype="float32", name=f"{modality}_embeds")
    embeds = normalize(project(encoded["pooled"]))
    return keras.Model(inputs, {f"{modality}_embeds": embeds}, name=f"{modality}_tower")


def _inputs_like(model: keras.Model) -> dict[str, Any]:
    """Fresh Keras inputs with the names, shapes and dtypes of the model's."""
    return {x.name: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name) for x in model.inputs}
