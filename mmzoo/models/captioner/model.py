"""An encoder that reads and a decoder that writes."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.decoding import Decoding
from mmzoo.encoders.contract import (
    encode_images,
    inputs_like,
    lend_assets,
    preprocessing_for,
)
from mmzoo.encoders.tokenizers import check_tokenizer
from mmzoo.losses import masked_mean
from mmzoo.models.captioner.generation import Generated, generate
from mmzoo.models.captioner.ids import SpecialIds, is_text
from mmzoo.models.captioner.parts import parts_of_captioner
from mmzoo.models.captioner.task import token_losses
from mmzoo.models.kept_model import KeptModel
from mmzoo.models.objectives import ContrastHead
from mmzoo.models.pictures import checked_pictures
from mmzoo.models.trunk import Trunk
from mmzoo.presets import ImagePreprocessing
from mmzoo.signature import Part
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.fitting import fit_arguments, refuse_compiled
from mmzoo.training.input_range import InputRange, WarnOnUnitRange
from mmzoo.training.replicas import replica_share


@keras.saving.register_keras_serializable("mmzoo")
class Captioner(KeptModel, keras.Model):
    """Writes about pictures (encoder and decoder as in Show and Tell, arXiv:1411.4555, section 3), or answers questions about them.

    Inputs:  images (B, H, W, 3) in [0, 255]; token_ids (B, T) int32, the captions. A captioner that also reads a text has that as
    token_ids, and what is written, the answers, as decoder_token_ids (B, T) int32.
    Output:  logits (B, T - 1, vocab_size) float32, of the second token to the last.

    Train with `compile(optimizer)` and `fit` on dictionaries of inputs, no targets: each token is guessed from those before it
    (teacher forcing), up to the end token; the loss is the mean cross-entropy of a token, in nats, with label_smoothing as built.
    The logs have token_accuracy. generate writes.
    reader: an image encoder, or a Trunk of two encoders and a fusion; decoder: a layer of mmzoo.decoders.
    Parts: reader, image_encoder, text_encoder (or None), decoder. tokenizer and image_preprocessing belong to the model and are
    saved in its .keras file; without a tokenizer, special_ids says what begins, ends and fills a text.
    Raises ValueError for a tokenizer with more tokens than the decoder, or a reader without a sequence.
    """

    serialized = ("reader", "decoder", "contrast")

    def __init__(
        self,
        reader: keras.Model,
        decoder: keras.layers.Layer,
        *,
        tokenizer: Tokenizer | None = None,
        image_preprocessing: ImagePreprocessing | None = None,
        special_ids: SpecialIds | None = None,
        label_smoothing: float = 0.0,
        contrast: ContrastHead | None = None,
        name: str = "captioner",
        **kwargs: Any,
    ) -> None:
        policy = kwargs.pop("dtype", None)
        if tokenizer is not None and tokenizer.vocab_size > decoder.vocab_size:
            raise ValueError(
                f"decoder must have vocab_size={tokenizer.vocab_size} for this tokenizer, received {decoder.vocab_size}"
            )
        if decoder.context_length < 2:
            raise ValueError(
                f"context_length must be at least 2, a start and an end, received {decoder.context_length}"
            )
        if getattr(reader, "missing_modalities", False):
            raise ValueError("a captioner must have a trunk without missing_modalities: it fills in nothing")
        questions = getattr(getattr(reader, "text_encoder", None), "tokenizer", None) or tokenizer
        if isinstance(reader, Trunk) and questions is not None:
            check_tokenizer(questions, reader.text_encoder)
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must be at least 0 and below 1, received {label_smoothing}")
        inputs = inputs_like(reader)
        inputs.pop("patch_mask", None)
        text_input = "decoder_token_ids" if "token_ids" in inputs else "token_ids"
        inputs[text_input] = keras.Input((decoder.context_length,), dtype="int32", name=text_input)
        special_ids = SpecialIds.of(tokenizer) if tokenizer is not None else SpecialIds(*special_ids or ())
        read, token_ids = _read(reader, inputs), inputs[text_input][:, :-1]
        options = {} if contrast is None else {"text_mask": is_text(token_ids, special_ids), "return_summary": True}
        said = decoder(token_ids, read["sequence"], memory_mask=read.get("mask"), **options)
        outputs = {"logits": said}
        if contrast is not None:
            logits, summary = said
            image_embeds, text_embeds = contrast(read["pooled"], summary)
            outputs = {"logits": logits, "image_embeds": image_embeds, "text_embeds": text_embeds}
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)
        if policy is not None:
            self.dtype_policy = policy  # compile looks here when it decides on loss scaling
        self.reader, self.decoder, self.text_input = reader, decoder, text_input
        self.special_ids, self.label_smoothing = special_ids, label_smoothing
        self.contrast: Any = contrast
        self.input_range = InputRange(name="input_range")
        self.token_accuracy = keras.metrics.Mean(name="token_accuracy")
        self.tokenizer = tokenizer
        self.image_preprocessing = preprocessing_for(self.image_encoder, image_preprocessing)
        lend_assets(self)
        self.programs = SimpleNamespace(compiled={})  # what generate compiled; Keras would save a dictionary of models

    @property
    def image_encoder(self) -> keras.Model:
        """What reads the picture."""
        return self.reader.image_encoder if isinstance(self.reader, Trunk) else self.reader

    @property
    def text_encoder(self) -> keras.Model | None:
        """What reads the question, where there is one."""
        return self.reader.text_encoder if isinstance(self.reader, Trunk) else None

    @property
    def question_tokenizer(self) -> Tokenizer | None:
        """Of what the text encoder reads: its own, else the model's."""
        return getattr(self.text_encoder, "tokenizer", None) or self.tokenizer

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return tuple(self.input["images"].shape[1:3])

    @property
    def context_length(self) -> int:
        """Number of token ids a written text has, padding included."""
        return int(self.decoder.context_length)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The mean cross-entropy of a token, with any loss the layers added. Raises ValueError for targets or a second loss."""
        if y is not None:
            raise ValueError(f"targets must be None: the captions are the input {self.text_input}")
        refuse_compiled(self, "loss", instead="build_captioner(label_smoothing=...)")
        self.input_range.update_state(x["images"])
        losses, right, counted = token_losses(
            y_pred["logits"], x[self.text_input], self.special_ids, self.label_smoothing
        )
        if sample_weight is not None:
            losses = losses * ops.cast(ops.reshape(sample_weight, (-1, 1)), losses.dtype)
        self.token_accuracy.update_state(right, sample_weight=counted)
        return replica_share(self.add_layer_losses(masked_mean(losses, counted)))

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """The model's own. Raises ValueError for those of compile, which have no targets to compare."""
        refuse_compiled(self, "metrics", instead="the model's own logs")
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """keras.Model.fit, with a warning if the first batch's images look like [0, 1] instead of [0, 255].

        Raises ValueError where parts were frozen or unfrozen after the optimizer was made: compile again.
        When a Checkpoint resumes, a dataset of mmzoo.data goes on with the epoch that the interrupted run was in.
        """
        arguments = inspect.signature(super().fit).bind(*args, **kwargs).arguments
        if isinstance(arguments.get("x"), (list, tuple, np.ndarray)):
            names = ", ".join(f'"{tensor.name}": ...' for tensor in self.inputs)
            raise ValueError(f"fit must be given dictionaries {{{names}}}, received a {type(arguments['x']).__name__}")
        return super().fit(**fit_arguments(self, arguments, WarnOnUnitRange()))

    def remember(self, inputs: Any) -> tuple[Any, Any]:
        """What the decoder looks at for a batch of inputs: (sequence (B, S, C), its mask (B, S) or None)."""
        read = _read(self.reader, inputs)
        return read["sequence"], read.get("mask")

    def reading_inputs(self, images: Any, texts: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """The reader's inputs for pictures (N, H, W, 3) in [0, 255] at its size, and N strings where it reads texts.

        Raises ValueError for other shapes, texts that it does not read, none where it does, or no tokenizer for them.
        """
        images = checked_pictures(images, self.image_size)
        if self.text_encoder is None:
            if texts is not None:
                raise ValueError("texts must be None: this captioner has no text encoder to read them")
            return {"images": images}
        if texts is None or isinstance(texts, str) or len(texts) != len(images):
            received = "none" if texts is None else repr(texts) if isinstance(texts, str) else len(texts)
            raise ValueError(f"texts must be {len(images)} strings, one for each picture, received {received}")
        if self.question_tokenizer is None:
            raise ValueError("texts need a tokenizer: tokenizer= of build_captioner gives the model one")
        length = int(self.input["token_ids"].shape[1])
        return {"images": images, "token_ids": self.question_tokenizer(list(texts), length)}

    def generate(
        self,
        images: Any,
        texts: Sequence[str] | None = None,
        *,
        strategy: str = "greedy",
        max_tokens: int | None = None,
        prefix: str | Sequence[str] | None = None,
        language: str | None = None,
        vocabulary: Sequence[str] | None = None,
        min_tokens: int = 0,
        repetition_penalty: float = 1.0,
        num_beams: int = 4,
        length_penalty: float = 1.0,
        num_returned: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        seed: int = 0,
        batch_size: int = 16,
    ) -> list[Generated]:
        """Writes a text about each picture: (N, H, W, 3) in [0, 255] at the model's size -> N texts with their log-probabilities.

        texts: the questions, of a captioner that reads them. strategy: "greedy", "beam" or "sample"; the numbers from min_tokens to
        top_p are those of mmzoo.decoding.Decoding. max_tokens: the most that are written after the prefix, the end included; default
        what there is room for. prefix: what each text begins with, one for all or one each; language: a tag of the tokenizer before it.
        vocabulary: texts whose tokens alone may be written. seed: of "sample"; the same seed gives the same texts, in batches of any
        size. num_returned: of the best texts of "beam", the others as `alternatives`.
        The first call of a kind compiles.
        Raises ValueError for pictures of another shape, a prefix that leaves no room, and numbers out of range.
        """
        options = Decoding(
            strategy=strategy,
            min_tokens=min_tokens,
            repetition_penalty=repetition_penalty,
            num_beams=num_beams,
            length_penalty=length_penalty,
            num_returned=num_returned,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
        )
        return generate(
            self,
            images,
            texts,
            options,
            max_tokens=max_tokens,
            prefix=prefix,
            language=language,
            vocabulary=vocabulary,
            seed=seed,
            batch_size=batch_size,
        )

    def export_parts(self) -> dict[str, Part]:
        """encoder, prefill and decode_step: a loop outside carries the caches, which are tensors with names."""
        return parts_of_captioner(self)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "reader": keras.saving.serialize_keras_object(self.reader),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "special_ids": list(self.special_ids),
            "label_smoothing": self.label_smoothing,
            "contrast": None if self.contrast is None else keras.saving.serialize_keras_object(self.contrast),
        }


def _read(reader: keras.Model, inputs: Any) -> Any:
    """What a reader gives. Raises ValueError where that is no sequence."""
    if isinstance(reader, Trunk):
        outputs = reader({tensor.name: inputs[tensor.name] for tensor in reader.inputs})
    else:
        outputs = encode_images(reader, inputs["images"])
    if "sequence" not in outputs:
        raise ValueError(f"image_encoder must return a dictionary with sequence, received {sorted(outputs)}")
    return outputs
