"""Classifiers from parts, in one line."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from mmzoo.encoders import get_image_encoder, get_text_encoder
from mmzoo.models.classifier.model import Classifier
from mmzoo.models.trunk import Trunk
from mmzoo.presets import ImagePreprocessing
from mmzoo.tokenizer import Tokenizer


def build_classifier(
    image_encoder: keras.Model | str,
    text_encoder: keras.Model | str,
    fusion: str | keras.layers.Layer = "concat",
    *,
    num_classes: int,
    head: str = "softmax",
    width: int | None = None,
    hidden: int | None = None,
    dropout: float = 0.0,
    label_smoothing: float = 0.0,
    labels: Sequence[str] | None = None,
    missing_modalities: bool = False,
    tokenizer: Tokenizer | None = None,
    image_preprocessing: ImagePreprocessing | None = None,
    name: str = "classifier",
) -> Classifier:
    """Builds a classifier of a picture with a text (fusion and heads as surveyed in arXiv:1705.09406, section 6).

    image_encoder, text_encoder: a model with the encoder contract, or a name of mmzoo.list_presets() (of a CLIP, its side).
    fusion: a name of mmzoo.fusion.FUSIONS ("late" mixes each modality's own answer) or one of its layers. width: of the fused
    vectors, default the text's pooled size.
    head: "softmax" (one class), "sigmoid" (labels that exclude nothing), "hinge" (an SVM's scores), "regression" (values).
    hidden: size of the head's hidden layer, default width; 0 for a single dense layer. dropout: after it.
    label_smoothing: of the head's own loss. labels: names of the classes.
    missing_modalities: adds the inputs image_present and text_present; what is not there is replaced by a learned vector. In training
    pictures of the same batch stand for those missing, which a batch normalisation then counts again (see mmzoo.layers.StandIn).
    tokenizer: gives a named text encoder its vocabulary; a text encoder that brings its own keeps it.
    Weights start at random; seed them with keras.utils.set_random_seed.
    Raises ValueError for an unknown fusion or head (the message lists the known), or sizes that do not fit.
    """
    trunk = Trunk(
        get_image_encoder(image_encoder),
        get_text_encoder(text_encoder, tokenizer),
        fusion,
        width=width,
        missing_modalities=missing_modalities,
    )
    return Classifier(
        trunk,
        num_classes=num_classes,
        head=head,
        hidden=hidden,
        dropout=dropout,
        label_smoothing=label_smoothing,
        labels=labels,
        tokenizer=tokenizer,
        image_preprocessing=image_preprocessing,
        name=name,
    )


def build_vqa(
    image_encoder: keras.Model | str,
    text_encoder: keras.Model | str,
    answers: Sequence[str],
    fusion: str | keras.layers.Layer = "cross_attention",
    *,
    head: str = "softmax",
    width: int | None = None,
    hidden: int | None = None,
    dropout: float = 0.0,
    label_smoothing: float = 0.0,
    missing_modalities: bool = False,
    tokenizer: Tokenizer | None = None,
    image_preprocessing: ImagePreprocessing | None = None,
    name: str = "vqa",
) -> Classifier:
    """Builds a model that answers questions about pictures with one of a list of answers (VQA, arXiv:1505.00468, section 4).

    answers: the vocabulary of answers, in the order of the outputs. head: "softmax", or "sigmoid" for soft scores of
    several answers, as VQA v2's (arXiv:1707.07998, section 3.3). model.classify(images, questions) answers in words.
    The other arguments are build_classifier's.
    Raises ValueError for fewer than two answers, one that is given twice, and as build_classifier.
    """
    if isinstance(answers, str) or len(answers) < 2 or len(set(answers)) < len(answers):
        raise ValueError(f"answers must be at least two different strings, received {answers!r}")
    if head not in ("softmax", "sigmoid"):
        raise ValueError(f"head must be 'softmax' or 'sigmoid' for answers, received {head!r}")
    return build_classifier(
        image_encoder,
        text_encoder,
        fusion,
        num_classes=len(answers),
        head=head,
        width=width,
        hidden=hidden,
        dropout=dropout,
        label_smoothing=label_smoothing,
        labels=answers,
        missing_modalities=missing_modalities,
        tokenizer=tokenizer,
        image_preprocessing=image_preprocessing,
        name=name,
    )
