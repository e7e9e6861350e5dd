"""CLIP: two encoders on one unit sphere."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.encoders.contract import images_spec, inputs_like, lend_assets, preprocessing_for, token_ids_spec
from mmzoo.encoders.tokenizers import check_tokenizer
from mmzoo.layers import LogitScale
from mmzoo.losses import contrastive_loss, repeated_rows, sigmoid_loss, triplet_loss
from mmzoo.models.clip.towers import build_tower
from mmzoo.models.kept_model import KeptModel
from mmzoo.models.pictures import checked_pictures
from mmzoo.presets import ImagePreprocessing
from mmzoo.signature import Part, RawImages, RawTexts
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.fitting import fit_arguments, refuse_compiled
from mmzoo.training.input_range import InputRange, WarnOnUnitRange
from mmzoo.training.replicas import gather_batch, replica_share

LOSSES: dict[str, Callable[..., Any]] = {"softmax": contrastive_loss, "sigmoid": sigmoid_loss, "triplet": triplet_loss}


@keras.saving.register_keras_serializable("mmzoo")
class CLIP(KeptModel, keras.Model):
    """Projects two encoders onto one unit sphere and learns which picture belongs to which text (arXiv:2103.00020, section 2.3).

    Inputs:  images (B, H, W, 3) in [0, 255], any dtype; token_ids (B, T) int32.
    Outputs: image_embeds, text_embeds, each (B, embed_dim) float32 with L2 norm 1.

    Train with `compile(optimizer)` and `fit` on dictionaries of inputs; no labels are needed. Captions repeated in a batch are
    positives of one another. loss: "softmax"; "sigmoid" (SigLIP); or "triplet", the hardest negatives at a margin of 0.2 (VSE++,
    arXiv:1707.05612), of cosines as they are: logit_scale then stays where it starts. Parts: image_encoder, text_encoder;
    image_tower, text_tower (encoder, projection and norm, each a keras.Model); logit_scale. tokenizer and image_preprocessing
    belong to the model and are saved in its .keras file.
    Raises ValueError for encoders without a pooled output, embed_dim < 1, an unknown loss or projection.
    """

    serialized = ("image_encoder", "text_encoder")

    def __init__(
        self,
        image_encoder: keras.Model,
        text_encoder: keras.Model,
        *,
        embed_dim: int = 512,
        loss: str = "softmax",
        image_projection: str = "linear",
        text_projection: str = "linear",
        tokenizer: Tokenizer | None = None,
        image_preprocessing: ImagePreprocessing | None = None,
        name: str = "clip",
        **kwargs: Any,
    ) -> None:
        if loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, received {loss!r}")
        if embed_dim < 1:
            raise ValueError(f"embed_dim must be at least 1, received {embed_dim}")
        tokenizer = tokenizer or getattr(text_encoder, "tokenizer", None)
        if tokenizer is not None:
            check_tokenizer(tokenizer, text_encoder)
        policy = kwargs.pop("dtype", None)
        image_tower = build_tower(image_encoder, "images", "image", embed_dim, image_projection, policy)
        text_tower = build_tower(text_encoder, "token_ids", "text", embed_dim, text_projection, policy)
        inputs = {**inputs_like(image_tower), **inputs_like(text_tower)}
        outputs = image_tower({"images": inputs["images"]}) | text_tower({"token_ids": inputs["token_ids"]})
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)
        if policy is not None:
            self.dtype_policy = policy  # compile looks here when it decides on loss scaling
        self.image_tower, self.text_tower = image_tower, text_tower
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.embed_dim, self.loss_name = embed_dim, loss
        self.image_projection, self.text_projection = image_projection, text_projection
        is_sigmoid = loss == "sigmoid"
        self.logit_scale = LogitScale(
            10.0 if is_sigmoid else 1 / 0.07,
            maximum=None if is_sigmoid else 100.0,
            initial_bias=-10.0 if is_sigmoid else None,
            learned=loss != "triplet",
            name="logit_scale",
        )
        self.logit_scale.build()
        self.input_range = InputRange(name="input_range")
        self.tokenizer = tokenizer
        self.image_preprocessing = preprocessing_for(image_encoder, image_preprocessing)
        lend_assets(self)

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
        """The contrastive loss over all replicas' batches, in nats (a triplet's in cosines), with any loss the layers added.

        Raises ValueError for what would be ignored without a word: labels' companions and a second loss.
        """
        if sample_weight is not None:
            raise ValueError("sample_weight must be None: a contrastive loss compares all pairs of a batch")
        refuse_compiled(self, "loss", instead="build_clip(loss=...)")
        self.input_range.update_state(x["images"])
        image_embeds, text_embeds, token_ids = gather_batch(
            y_pred["image_embeds"], y_pred["text_embeds"], x["token_ids"]
        )
        similarities = ops.matmul(image_embeds, ops.transpose(text_embeds))
        logits = similarities if self.loss_name == "triplet" else self.logit_scale(similarities)
        loss = LOSSES[self.loss_name](logits, repeated_rows(token_ids))
        return replica_share(self.add_layer_losses(loss))

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """keras.Model.fit, with a warning if the first batch's images look like [0, 1] instead of [0, 255].

        Raises ValueError where parts were frozen or unfrozen after the optimizer was made: compile again.
        When a Checkpoint resumes, a dataset of mmzoo.data goes on with the epoch that the interrupted run was in.
        """
        arguments = inspect.signature(super().fit).bind(*args, **kwargs).arguments
        dataset = arguments.get("x")
        if arguments.get("sample_weight") is not None or arguments.get("class_weight") is not None:
            raise ValueError(
                "sample_weight and class_weight must be None: a contrastive loss compares all pairs of a batch"
            )
        if isinstance(dataset, (list, tuple, np.ndarray)):
            raise ValueError(
                f'fit must be given dictionaries {{"images": ..., "token_ids": ...}}, received a {type(dataset).__name__}'
            )
        return super().fit(**fit_arguments(self, arguments, WarnOnUnitRange()))

    def encode_image(self, images: Any, *, batch_size: int = 64) -> np.ndarray:
        """Embeds pictures: (N, H, W, 3) in [0, 255] at the model's size -> (N, embed_dim) float32, norm 1.

        Pictures of other sizes and files are read by mmzoo.data (safe_decode, resize). Warns if all values are at most 1.
        Raises ValueError for another shape: resizing silently would not be the training's preprocessing.
        """
        images = checked_pictures(images, self.image_size)
        if not len(images):
            return np.zeros((0, self.embed_dim), "float32")
        return _embed(self.image_tower, "images", images, batch_size)

    def encode_text(self, texts: Sequence[str] | np.ndarray, *, batch_size: int = 256) -> np.ndarray:
        """Embeds texts, or token ids (N, T) that stand for them: N strings -> (N, embed_dim) float32, norm 1.

        Raises ValueError for strings where the model has no tokenizer, or token ids of another length.
        """
        if isinstance(texts, np.ndarray) and np.issubdtype(texts.dtype, np.integer):
            token_ids = texts
        else:
            if self.tokenizer is None:
                raise ValueError(
                    "texts must be token ids where the model has no tokenizer: tokenizer= of build_clip or from_pretrained gives it one"
                )
            token_ids = self.tokenizer(texts, self.context_length)
        if token_ids.ndim != 2 or token_ids.shape[1] != self.context_length:
            raise ValueError(f"token ids must have shape (N, {self.context_length}), received {token_ids.shape}")
        if not len(token_ids):
            return np.zeros((0, self.embed_dim), "float32")
        return _embed(self.text_tower, "token_ids", token_ids, batch_size)

    def similarity(self, images: Any, texts: Sequence[str] | np.ndarray) -> np.ndarray:
        """Cosine of every picture with every text: -> (number of images, number of texts) float32 in [-1, 1]."""
        return self.encode_image(images) @ self.encode_text(texts).T

    def export_parts(self) -> dict[str, Part]:
        """The towers with their inputs as an artifact declares them: uint8 pictures, int32 token ids; raw: files, strings."""
        pictures = (RawImages("images", self.image_preprocessing),)
        texts = () if self.tokenizer is None else (RawTexts("token_ids", self.tokenizer, self.context_length),)
        return {
            "image": Part(self.image_tower, (images_spec(self.image_size),), pictures),
            "text": Part(self.text_tower, (token_ids_spec(self.text_encoder),), texts),
        }

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "image_encoder": keras.saving.serialize_keras_object(self.image_encoder),
            "text_encoder": keras.saving.serialize_keras_object(self.text_encoder),
            "embed_dim": self.embed_dim,
            "loss": self.loss_name,
            "image_projection": self.image_projection,
            "text_projection": self.text_projection,
        }


def _embed(tower: keras.Model, name: str, values: np.ndarray, batch_size: int) -> np.ndarray:
    """The one output of a tower. A single batch is called directly: compiling the tower for it would take longer than it does."""
    if len(values) > batch_size:
        (embeds,) = tower.predict({name: values}, batch_size=batch_size, verbose=0).values()
        return embeds
    (embeds,) = tower({name: ops.convert_to_tensor(values, tower.inputs[0].dtype)}, training=False).values()
    return ops.convert_to_numpy(embeds)
