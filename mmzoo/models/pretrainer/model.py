"""Two encoders and a fusion, or one encoder, with everything they can learn without labels."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.decoders import build_decoder
from mmzoo.encoders.contract import lend_assets, preprocessing_for
from mmzoo.encoders.hiding import with_mask_token
from mmzoo.encoders.tokenizers import check_tokenizer
from mmzoo.layers import EmbeddingQueue, HardNegatives, MomentumCopy
from mmzoo.models.captioner import Captioner
from mmzoo.models.classifier import Classifier
from mmzoo.models.clip import CLIP
from mmzoo.models.kept_model import KeptModel
from mmzoo.models.matcher import Matcher
from mmzoo.models.objectives import unread_loss
from mmzoo.models.pretrainer import choosing, conversions, heads
from mmzoo.models.pretrainer.forward import run_objectives
from mmzoo.models.pretrainer.terms import objective_terms
from mmzoo.models.trunk import Trunk
from mmzoo.presets import ImagePreprocessing
from mmzoo.signature import Part
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.fitting import fit_arguments, refuse_compiled
from mmzoo.training.input_range import InputRange, WarnOnUnitRange
from mmzoo.training.replicas import replica_share

METRICS = {
    "itc": ("itc_loss",),
    "itm": ("itm_loss", "itm_accuracy"),
    "mlm": ("mlm_loss", "mlm_accuracy"),
    "mim": ("mim_loss",),
}


@keras.saving.register_keras_serializable("mmzoo")
class Pretrainer(KeptModel, keras.Model):
    """Learns from pictures with captions, or from either alone, by several objectives at once (ALBEF, arXiv:2107.07651, section 3.2;
    for hidden patches SimMIM, arXiv:2111.09886).

    Inputs:  {"images" (B, H, W, 3) in [0, 255], "token_ids" (B, T) int32}, or the one that its one encoder reads.
    Outputs: a dictionary of what the losses are made of, every value with B first: image_embeds, text_embeds (B, embed_dim);
    match_logits (B, 3), of the pair, of a wrong picture with the text, and of the picture with a wrong text, match_counted (B, 3) bool;
    token_logits (B, K, V), tokens and tokens_counted (B, K), of the hidden tokens; pixels (B, N, P P 3), patch_mask (B, N) bool.

    `compile(optimizer)` and `fit` on dictionaries of inputs; targets, if there are any, are not looked at. The logs have the weighted sum
    of the losses and each objective's own, in nats (mim: squared error of normalised patches), and the accuracy of itm and mlm.
    In evaluate the masks and negatives are the same each time, and itc compares the batch alone, without momentum and queue.
    Parts: image_encoder, text_encoder, trunk (with fusion; None where nothing is fused). The to_ methods make models of copies of them.
    Arguments: see build_pretrainer. tokenizer and image_preprocessing are saved in its .keras file, and where its draws are: what was
    saved after an epoch goes on with the masks and negatives that would have come. The order of examples is fit's, which
    mmzoo.training.checkpoint.Checkpoint resumes too.
    """

    serialized = ("image_encoder", "text_encoder", "fusion")

    def __init__(
        self,
        image_encoder: keras.Model | None = None,
        text_encoder: keras.Model | None = None,
        objectives: Sequence[str] | None = None,
        *,
        objective_weights: Mapping[str, float] | None = None,
        fusion: str | keras.layers.Layer = "cross_attention",
        width: int | None = None,
        embed_dim: int = 256,
        mask_rate: float = 0.15,
        patch_mask_rate: float = 0.6,
        momentum: float | None = None,
        queue_size: int = 0,
        distillation: float = 0.4,
        tokenizer: Tokenizer | None = None,
        image_preprocessing: ImagePreprocessing | None = None,
        mask_id: int | None = None,
        special_ids: Sequence[int] = (),
        seed: int = 0,
        name: str = "pretrainer",
        **kwargs: Any,
    ) -> None:
        policy = kwargs.pop("dtype", None)
        super().__init__(name=name, **kwargs)
        if policy is not None:
            self.dtype_policy = policy  # compile looks here when it decides on loss scaling
        tokenizer = tokenizer or getattr(text_encoder, "tokenizer", None)
        if tokenizer is not None and text_encoder is not None:
            check_tokenizer(tokenizer, text_encoder)
        mask_id = choosing.find_mask_id(tokenizer, mask_id)
        chosen = choosing.choose_objectives(objectives, image_encoder, text_encoder, mask_id)
        self.objectives = chosen
        self.objective_weights = choosing.check_weights(objective_weights, chosen)
        choosing.check_momentum(momentum, queue_size, distillation, chosen)
        self.embed_dim, self.mask_rate, self.patch_mask_rate = embed_dim, mask_rate, patch_mask_rate
        self.momentum, self.queue_size, self.distillation, self.seed = momentum, queue_size, distillation, seed
        if "mim" in chosen and image_encoder is not None:
            image_encoder = with_mask_token(image_encoder)
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.trunk: Trunk | None = None
        if image_encoder is not None and text_encoder is not None and {"itm", "mlm"} & set(chosen):
            self.trunk = Trunk(image_encoder, text_encoder, fusion, width=width, dtype=policy)
            choosing.check_fused_positions(self.trunk, chosen)
        self._build_heads(mask_id, special_ids, tokenizer, policy)
        self.trackers = {name: keras.metrics.Mean(name) for objective in chosen for name in METRICS[objective]}
        self.input_range = None if image_encoder is None else InputRange(name="input_range")
        self.tokenizer = tokenizer
        self.image_preprocessing: ImagePreprocessing | None = None
        if image_encoder is not None:
            self.image_preprocessing = preprocessing_for(image_encoder, image_preprocessing)
        lend_assets(self)
        self.built = True

    def _build_heads(
        self, mask_id: int | None, special_ids: Sequence[int], tokenizer: Tokenizer | None, policy: Any
    ) -> None:
        image, text, seed = self.image_encoder, self.text_encoder, self.seed
        self.contrast: Any = None
        self.match_head: Any = None
        self.negatives: Any = None
        self.token_masking: Any = None
        self.token_head: Any = None
        self.patch_masking: Any = None
        self.pixel_head: Any = None
        if "itc" in self.objectives:
            self.contrast = heads.build_contrast(image, text, self.embed_dim, policy)
        if "itm" in self.objectives:
            self.match_head = heads.build_match_head(self.trunk, policy)
            self.negatives = HardNegatives(seed=seed + 20, name="negatives")
        if "mlm" in self.objectives and mask_id is not None:
            last: Any = text if self.trunk is None else self.trunk
            self.token_masking, self.token_head = heads.build_token_parts(
                text, last.output["sequence"].shape[-1], mask_id, special_ids, self.mask_rate, tokenizer, seed, policy
            )
        if "mim" in self.objectives:
            self.patch_masking, self.pixel_head = heads.build_patch_parts(image, self.patch_mask_rate, seed + 10)
        self.teacher: MomentumCopy | None = None
        if self.momentum is not None:
            self.teacher = MomentumCopy(self.momentum, name="teacher")
            self.teacher.follow(self.averaged_layers())
        self.queue: EmbeddingQueue | None = None
        if self.queue_size:
            self.queue = EmbeddingQueue(self.queue_size, self.embed_dim, name="queue")
            self.queue.build()

    def averaged_layers(self) -> list[keras.layers.Layer]:
        """The layers that the momentum model has averages of, in the order of its weights."""
        fused = () if self.trunk is None else (self.trunk.text_absent, self.trunk.fusion)
        parts = (self.image_encoder, self.text_encoder, *fused, self.contrast, self.token_head)
        return [part for part in parts if part is not None]

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels. Raises ValueError without an image encoder."""
        if self.image_encoder is None:
            raise ValueError("a pretrainer of text alone has no image_size")
        return tuple(self.image_encoder.input["images"].shape[1:3])

    @property
    def context_length(self) -> int:
        """Number of token ids a text has, padding included. Raises ValueError without a text encoder."""
        if self.text_encoder is None:
            raise ValueError("a pretrainer of pictures alone has no context_length")
        return int(self.text_encoder.input["token_ids"].shape[1])

    def call(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        x = choosing.check_inputs(inputs, self.image_encoder is not None, self.text_encoder is not None)
        if self.teacher is not None and training:
            self.teacher(layers=self.averaged_layers())
        # Outside of a graph JAX hands over NumPy arrays, which Keras does not let mix with the masks drawn here.
        return run_objectives(self, {name: ops.convert_to_tensor(value) for name, value in x.items()}, training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The weighted sum of the objectives' losses, with any loss the layers added. Raises ValueError for a second loss."""
        if sample_weight is not None:
            raise ValueError("sample_weight must be None: the objectives compare the examples of a batch")
        refuse_compiled(self, "loss", "metrics", instead="build_pretrainer(objectives=...)")
        if self.momentum is not None and replica_share(1.0) != 1.0:
            raise ValueError(
                "momentum must be None on several replicas, which would each keep averages and a queue of their own"
            )
        if self.input_range is not None:
            self.input_range.update_state(x["images"])
        terms = objective_terms(self, x, y_pred)
        for name, value in terms.items():
            self.trackers[name].update_state(value, sample_weight=ops.shape(y_pred["unread"])[0])
        loss = sum(weight * terms[f"{name}_loss"] for name, weight in self.objective_weights.items())
        loss = loss + unread_loss(y_pred["unread"])
        return replica_share(self.add_layer_losses(loss))

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """The objectives' own. Raises ValueError for those of compile, which have no targets."""
        refuse_compiled(self, "loss", "metrics", instead="build_pretrainer(objectives=...)")
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """keras.Model.fit, with a warning if the first batch's images look like [0, 1] instead of [0, 255].

        Raises ValueError where parts were frozen or unfrozen after the optimizer was made: compile again.
        When a Checkpoint resumes, a dataset of mmzoo.data goes on with the epoch that the interrupted run was in.
        """
        arguments = inspect.signature(super().fit).bind(*args, **kwargs).arguments
        if isinstance(arguments.get("x"), (list, tuple, np.ndarray)):
            choosing.check_inputs(arguments["x"], self.image_encoder is not None, self.text_encoder is not None)
        watching = () if self.input_range is None else (WarnOnUnitRange(),)
        return super().fit(**fit_arguments(self, arguments, *watching))

    def to_clip(self, *, name: str = "clip") -> CLIP:
        """A CLIP of copies of both encoders; with "itc" among the objectives also of its projections and temperature, as they are."""
        return conversions.to_clip(self, name)

    def to_classifier(
        self,
        num_classes: int,
        *,
        head: str = "softmax",
        fusion: str | keras.layers.Layer | None = None,
        width: int | None = None,
        hidden: int | None = None,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        labels: Sequence[str] | None = None,
        missing_modalities: bool = False,
        name: str = "classifier",
    ) -> Classifier:
        """A classifier on copies of the encoders and the fusion; its head starts at random. Another `fusion` starts at random too.

        The other arguments are build_classifier's. fusion is by default the pretrainer's own, "cross_attention" where it fuses nothing.
        Raises ValueError for a width where the pretrainer's own fusion is kept, which has one.
        """
        return Classifier(
            conversions.to_trunk(self, fusion, width, missing_modalities),
            num_classes=num_classes,
            head=head,
            hidden=hidden,
            dropout=dropout,
            label_smoothing=label_smoothing,
            labels=labels,
            tokenizer=self.tokenizer,
            image_preprocessing=self.image_preprocessing,
            name=name,
            dtype=self.dtype_policy,
        )

    def to_matcher(self, *, name: str = "matcher") -> Matcher:
        """A matcher of copies of the encoders, the fusion, and what "itc" and "itm" learned on top; the rest starts at random."""
        return conversions.to_matcher(self, name)

    def to_captioner(
        self,
        *,
        reads_texts: bool = False,
        decoder: str | keras.layers.Layer = "transformer",
        tokenizer: Tokenizer | None = None,
        context_length: int = 32,
        width: int = 256,
        depth: int | None = None,
        num_heads: int | None = None,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        name: str = "captioner",
    ) -> Captioner:
        """A captioner on a copy of the image encoder or, with reads_texts, of the encoders and the fusion, for answers to questions.

        The decoder starts at random; its arguments are build_captioner's. tokenizer: default the pretrainer's own.
        """
        tokenizer = tokenizer or self.tokenizer
        if tokenizer is None:
            raise ValueError("to_captioner must be given a tokenizer where the pretrainer has none, received none")
        sizes = {"depth": depth, "num_heads": num_heads, "dropout": dropout, "dtype": self.dtype_policy}
        return Captioner(
            conversions.to_reader(self, reads_texts),
            build_decoder(decoder, tokenizer.vocab_size, context_length, width, **sizes),
            tokenizer=tokenizer,
            label_smoothing=label_smoothing,
            image_preprocessing=self.image_preprocessing,
            name=name,
            dtype=self.dtype_policy,
        )

    def export_parts(self) -> dict[str, Part]:
        """Raises ValueError: what is exported are the models that it pre-trains."""
        made_by = "to_clip, to_classifier, to_matcher or to_captioner"
        raise ValueError(f"a pretrainer must be turned into a model by {made_by} to be exported")

    def get_config(self) -> dict[str, Any]:
        def pack(part: Any) -> Any:
            return None if part is None else keras.saving.serialize_keras_object(part)

        masking = self.token_masking
        return super().get_config() | {
            "image_encoder": pack(self.image_encoder),
            "text_encoder": pack(self.text_encoder),
            "fusion": pack(None if self.trunk is None else self.trunk.fusion),
            "objectives": list(self.objectives),
            "objective_weights": dict(self.objective_weights),
            "embed_dim": self.embed_dim,
            "mask_rate": self.mask_rate,
            "patch_mask_rate": self.patch_mask_rate,
            "momentum": self.momentum,
            "queue_size": self.queue_size,
            "distillation": self.distillation,
            "mask_id": None if masking is None else masking.mask_id,
            "special_ids": [] if masking is None else list(masking.special_ids),
            "seed": self.seed,
        }
