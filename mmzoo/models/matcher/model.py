"""A trunk that says whether a text belongs to a picture."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.encoders.contract import encode_images, inputs_like, read_by_heads
from mmzoo.layers import HardNegatives
from mmzoo.losses import matching_loss
from mmzoo.models.classifier import AnswerHead
from mmzoo.models.objectives import (
    ContrastHead,
    contrast_loss,
    fuse_with_negatives,
    matching_terms,
    unread,
    unread_loss,
)
from mmzoo.models.trunk import Trunk, named_inputs
from mmzoo.models.trunk_model import TrunkModel
from mmzoo.presets import ImagePreprocessing
from mmzoo.signature import Part
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.label_range import LabelRange, check_label_range
from mmzoo.training.replicas import replica_share


@keras.saving.register_keras_serializable("mmzoo")
class Matcher(TrunkModel):
    """Says how probable it is that a text belongs to a picture (image-text matching; ALBEF, arXiv:2107.07651, section 3.2).

    Inputs:  images (B, H, W, 3) in [0, 255]; token_ids (B, T) int32; a list is read as [text, image] (token_ids, images).
    `predict` gives (B, 1) float32, the probability. A call gives what the losses are made of too: "match" (B, 1); image_embeds and
    text_embeds (B, embed_dim); match_logits (B, 3), of the pair, of a wrong picture with the text, and of the picture with a wrong text;
    match_counted (B, 3) bool, False where the batch has no wrong one.

    `fit` with labels (B,) in {0, 1}, or between, learns from the given pairs by binary cross-entropy, or by compile(loss=...) of
    (labels, probabilities). `fit` without labels takes every pair for a match, draws for each a wrong text and a wrong picture, the more
    similar the likelier, repeated captions never, and learns these and, to know what is similar, CLIP's contrast beside them.
    The logs have the loss, in nats, and match_accuracy; without labels that is over all pairs and two wrong ones each.
    Parts: trunk (with image_encoder, text_encoder, fusion), contrast, match_head; pair_model, the keras.Model that predicts.
    tokenizer and image_preprocessing belong to the model and are saved in its .keras file, and where its draws of negatives are.
    Raises ValueError for embed_dim under 1, or a trunk with missing_modalities: nothing matches what is not there.
    """

    def __init__(
        self,
        trunk: Trunk,
        *,
        embed_dim: int = 256,
        tokenizer: Tokenizer | None = None,
        image_preprocessing: ImagePreprocessing | None = None,
        seed: int = 0,
        name: str = "matcher",
        **kwargs: Any,
    ) -> None:
        if trunk.missing_modalities:
            raise ValueError("trunk must be without missing_modalities to match pictures with texts, received one with")
        policy = kwargs.get("dtype")
        # With a hidden layer: of a fusion that adds, a single one could only add up what each of the two is like.
        head = AnswerHead(1, hidden=trunk.width, dtype=policy, name="match_head")
        inputs = inputs_like(trunk)
        match = keras.layers.Activation("sigmoid", dtype="float32", name="match")(head(trunk(inputs)["pooled"]))
        super().__init__(
            trunk, inputs, match, tokenizer=tokenizer, image_preprocessing=image_preprocessing, name=name, **kwargs
        )
        self.match_head, self.embed_dim, self.seed = head, embed_dim, seed
        self.pair_model = keras.Model(self.input, self.output, name="pair_model")
        self.contrast = ContrastHead(embed_dim, dtype=policy, name="contrast")
        encoders = trunk.image_encoder, trunk.text_encoder
        self.contrast.build(*(tuple(encoder.output["pooled"].shape) for encoder in encoders))
        self.negatives = HardNegatives(seed=seed, name="negatives")
        self.match_accuracy = keras.metrics.Mean("match_accuracy")
        self.label_ranges = {"": LabelRange(name="label_range")}

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> dict[str, Any]:
        # Outside of a graph JAX hands over NumPy arrays, which Keras does not let mix with tensors.
        x = {name: ops.convert_to_tensor(value) for name, value in named_inputs(self, inputs).items()}
        image = read_by_heads(encode_images(self.trunk.image_encoder, x["images"], training=training))
        text = read_by_heads(self.trunk.text_encoder({"token_ids": x["token_ids"]}, training=training))
        image_embeds, text_embeds = self.contrast(image["pooled"], text["pooled"])
        logits = self.contrast.logits(image_embeds, text_embeds)
        present = self.trunk.text_absent(text)
        scores, fused = fuse_with_negatives(
            self.trunk, self.match_head, self.negatives, image, present, logits, x["token_ids"], training
        )
        return {
            "match": ops.sigmoid(scores["match_logits"][:, :1]),
            "image_embeds": image_embeds,
            "text_embeds": text_embeds,
            **scores,
            "unread": unread(image, present, fused, {"logits": logits}),
        }

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Binary cross-entropy of the given labels, or without labels of mined negatives, with the contrast that finds them.

        Raises ValueError for compile(loss=...) or weights without labels: they would be ignored.
        """
        self.watch_images(x)
        if y is None:
            loss, accuracy = self._mined_terms(named_inputs(self, x)["token_ids"], y_pred, sample_weight)
        else:
            y = ops.cast(ops.reshape(y, (-1,)), "float32")
            self.label_ranges[""].update_state(y, 1)
            logits = y_pred["match_logits"][:, 0]
            accuracy = ops.mean(ops.cast(ops.equal(logits > 0, y > 0.5), "float32"))
            losses = matching_loss(logits, y)
            if sample_weight is not None:
                losses = losses * ops.cast(ops.reshape(sample_weight, (-1,)), losses.dtype)
            loss = ops.mean(losses)
        self.match_accuracy.update_state(accuracy, sample_weight=ops.shape(y_pred["match"])[0])
        untouched = unread_loss(y_pred["unread"])
        if not self.has_own_loss:
            return untouched + super().compute_loss(x, y[:, None], y_pred["match"], sample_weight, training)
        return replica_share(self.add_layer_losses(loss + untouched))

    def _mined_terms(self, token_ids: Any, outputs: Any, sample_weight: Any) -> tuple[Any, Any]:
        """(loss, accuracy) of the pairs and the wrong ones drawn for them."""
        if sample_weight is not None:
            raise ValueError("sample_weight must be None without labels: the negatives compare the pairs of a batch")
        if not self.has_own_loss:
            raise ValueError("compile(loss=...) must go with labels, received a fit without")
        loss, accuracy = matching_terms(outputs["match_logits"], outputs["match_counted"])
        return loss + contrast_loss(self.contrast, outputs["image_embeds"], outputs["text_embeds"], token_ids), accuracy

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Keras's, of the labels and the probabilities; without labels those of compile(metrics=...) have nothing to compare, and are
        left out."""
        if y is None:
            if self._compile_metrics is not None and not self._compile_metrics.built:
                # TensorFlow lets the first step alone make variables, and labels may come in a later fit.
                self._compile_metrics.build(y_pred["match"], y_pred["match"])
            own = (self._loss_tracker.name, self.match_accuracy.name)
            return {name: value for name, value in self.get_metrics_result().items() if name in own}
        return super().compute_metrics(x, y, y_pred["match"], sample_weight)

    def check_labels(self, labels: Any) -> None:
        """Looks at labels that are in memory. Raises ValueError for one outside [0, 1]."""
        if hasattr(labels, "shape") and len(labels.shape):
            check_label_range(labels, 1)

    def predict(self, *args: Any, **kwargs: Any) -> np.ndarray:
        """keras.Model.predict of the pair_model: how probable it is that each text belongs to its picture, (N, 1) float32."""
        arguments = inspect.signature(super().predict).bind(*args, **kwargs).arguments
        if isinstance(arguments.get("x"), (list, tuple)):
            arguments["x"] = named_inputs(self, arguments["x"])
        return self.pair_model.predict(**arguments)

    def match(self, images: Any, texts: Sequence[str], *, batch_size: int = 64) -> np.ndarray:
        """How probable it is that each text belongs to its picture: (N, H, W, 3) in [0, 255] at the model's size, N strings ->
        (N,) float32.

        Raises ValueError as inputs_of.
        """
        if not len(texts):
            return np.zeros(0, "float32")
        return self.predict(self.inputs_of(images, texts), batch_size=batch_size, verbose=0)[:, 0]

    def export_parts(self) -> dict[str, Part]:
        """What predicts as one part, with its inputs as an artifact declares them: uint8 pictures, int32 token ids."""
        return {"matcher": self.whole_part({"match": self.output})}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"embed_dim": self.embed_dim, "seed": self.seed}
