"""CoCa: a captioner that is a CLIP as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.decoders import TransformerDecoder
from mmzoo.encoders import ImageEncoder, get_image_encoder
from mmzoo.encoders.contract import encode_images, inputs_like
from mmzoo.layers import QueryPooling
from mmzoo.losses import contrastive_loss, repeated_rows
from mmzoo.models.captioner.ids import SpecialIds, is_text
from mmzoo.models.captioner.model import Captioner
from mmzoo.models.objectives import ContrastHead
from mmzoo.presets import ImagePreprocessing
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.replicas import gather_batch, replica_share


@keras.saving.register_keras_serializable("mmzoo")
class CoCa(Captioner):
    """Writes captions, and compares pictures with texts, of one pass through one decoder (arXiv:2205.01917, section 3.2).

    Inputs:  images (B, H, W, 3) in [0, 255]; token_ids (B, T) int32.
    Outputs: a Captioner's logits, and image_embeds, text_embeds, each (B, embed_dim) float32 with L2 norm 1.

    The loss is caption_weight times a Captioner's plus contrast_weight times CLIP's contrast, over all replicas' batches.
    reader: an image encoder whose pooled output is compared with texts; decoder: a TransformerDecoder with a class token.
    """

    def __init__(
        self,
        reader: keras.Model,
        decoder: TransformerDecoder,
        *,
        contrast: ContrastHead,
        caption_weight: float = 2.0,
        contrast_weight: float = 1.0,
        name: str = "coca",
        **kwargs: Any,
    ) -> None:
        if caption_weight < 0 or contrast_weight < 0:
            raise ValueError(f"weights must be at least 0, received {caption_weight} and {contrast_weight}")
        super().__init__(reader, decoder, contrast=contrast, name=name, **kwargs)
        self.caption_weight, self.contrast_weight = caption_weight, contrast_weight

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The weighted sum of both losses, in nats. Raises ValueError for targets, weights of examples, or a second loss."""
        if sample_weight is not None:
            raise ValueError("sample_weight must be None: a contrastive loss compares all pairs of a batch")
        captions = super().compute_loss(x, y, y_pred, None, training)
        gathered = gather_batch(y_pred["image_embeds"], y_pred["text_embeds"], x[self.text_input])
        image_embeds, text_embeds, token_ids = gathered
        loss = contrastive_loss(self.contrast.logits(image_embeds, text_embeds), repeated_rows(token_ids))
        return self.caption_weight * captions + self.contrast_weight * replica_share(loss)

    def encode_image(self, images: Any, *, batch_size: int = 64) -> np.ndarray:
        """Embeds pictures: (N, H, W, 3) in [0, 255] at the model's size -> (N, embed_dim) float32, norm 1."""
        images = self.reading_inputs(images)["images"]
        return self._embed(self._embed_images, images, batch_size)

    def encode_text(self, texts: Sequence[str], *, batch_size: int = 256) -> np.ndarray:
        """Embeds texts: N strings -> (N, embed_dim) float32, norm 1. Raises ValueError where the model has no tokenizer."""
        if self.tokenizer is None:
            raise ValueError("texts need a tokenizer: tokenizer= of build_coca gives the model one")
        return self._embed(self._embed_texts, self.tokenizer(list(texts), self.context_length), batch_size)

    def similarity(self, images: Any, texts: Sequence[str]) -> np.ndarray:
        """Cosine of every picture with every text: -> (number of images, number of texts) float32 in [-1, 1]."""
        return self.encode_image(images) @ self.encode_text(texts).T

    def _embed(self, embed: Any, values: np.ndarray, batch_size: int) -> np.ndarray:
        batches = [embed(values[start : start + batch_size]) for start in range(0, len(values), batch_size)]
        empty = np.zeros((0, self.contrast.embed_dim), "float32")
        return np.concatenate([empty, *(ops.convert_to_numpy(batch) for batch in batches)])

    def _embed_images(self, images: np.ndarray) -> Any:
        pooled = encode_images(self.reader, ops.cast(images, "float32"), training=False)["pooled"]
        return self.contrast.norm(self.contrast.image_projection(pooled))

    def _embed_texts(self, token_ids: np.ndarray) -> Any:
        token_ids = ops.convert_to_tensor(token_ids)[:, :-1]
        _, summary = self.decoder.read_text(token_ids, is_text(token_ids, self.special_ids), training=False)
        return self.contrast.norm(self.contrast.text_projection(summary))

    def get_config(self) -> dict[str, Any]:
        weights = {"caption_weight": self.caption_weight, "contrast_weight": self.contrast_weight}
        return super().get_config() | weights


def build_coca(
    image_encoder: keras.Model | str,
    *,
    tokenizer: Tokenizer | None = None,
    vocab_size: int | None = None,
    context_length: int = 32,
    embed_dim: int = 256,
    width: int = 256,
    depth: int = 6,
    unimodal_depth: int | None = None,
    num_heads: int | None = None,
    num_queries: int = 64,
    dropout: float = 0.0,
    label_smoothing: float = 0.0,
    caption_weight: float = 2.0,
    contrast_weight: float = 1.0,
    special_ids: SpecialIds | None = None,
    image_preprocessing: ImagePreprocessing | None = None,
    name: str = "coca",
) -> CoCa:
    """Builds a CoCa (arXiv:2205.01917): an image encoder, attentional poolers, and a decoder whose first half reads text alone.

    num_queries: what the decoder looks at is so many mixtures of the image encoder's regions (256 in the paper); one more, of
    these, is the picture's vector for the contrast. unimodal_depth: blocks of `depth` that read text alone, default half.
    The other arguments are build_captioner's; caption_weight and contrast_weight as in the paper's section 4.1.
    Raises ValueError for sizes that do not fit, or no tokenizer and no vocab_size.
    """
    if vocab_size is None and tokenizer is None:
        raise ValueError("build_coca must be given a tokenizer, or vocab_size and special_ids, received neither")
    heads = num_heads or max(1, width // 64)
    size = vocab_size or (tokenizer.vocab_size if tokenizer is not None else 0)
    decoder = TransformerDecoder(
        size,
        context_length,
        width,
        depth=depth,
        num_heads=heads,
        unimodal_depth=depth // 2 if unimodal_depth is None else unimodal_depth,
        class_token=True,
        dropout=dropout,
        name="decoder",
    )
    return CoCa(
        _pooled(get_image_encoder(image_encoder), num_queries, width, heads),
        decoder,
        contrast=ContrastHead(embed_dim, name="contrast"),
        caption_weight=caption_weight,
        contrast_weight=contrast_weight,
        tokenizer=tokenizer,
        special_ids=special_ids,
        label_smoothing=label_smoothing,
        image_preprocessing=image_preprocessing,
        name=name,
    )


def _pooled(encoder: keras.Model, num_queries: int, width: int, num_heads: int) -> ImageEncoder:
    """The encoder with CoCa's poolers, one after the other ("cascade", section 3.2), as an image encoder."""
    inputs = inputs_like(encoder)
    inputs.pop("patch_mask", None)
    sequence = QueryPooling(num_queries, width, num_heads, name="pooler")(
        encode_images(encoder, inputs["images"])["sequence"]
    )
    pooled = QueryPooling(1, width, num_heads, name="contrast_pooler")(sequence)[:, 0]
    reader = ImageEncoder(inputs, {"sequence": sequence, "pooled": pooled}, name="pooled_image_encoder")
    if getattr(encoder, "image_preprocessing", None) is not None:
        reader.image_preprocessing = encoder.image_preprocessing
    return reader
