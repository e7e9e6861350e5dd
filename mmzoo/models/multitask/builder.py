"""Models of several tasks from parts, in one line."""

from __future__ import annotations

from collections.abc import Mapping

import keras

from mmzoo.encoders import get_image_encoder, get_text_encoder
from mmzoo.models.captioner import CaptionTask
from mmzoo.models.classifier import Task
from mmzoo.models.multitask.model import MultiTask
from mmzoo.models.trunk import Trunk
from mmzoo.presets import ImagePreprocessing
from mmzoo.tokenizer import Tokenizer


def build_multitask(
    image_encoder: keras.Model | str | None = None,
    text_encoder: keras.Model | str | None = None,
    *,
    tasks: Mapping[str, Task | CaptionTask],
    fusion: str | keras.layers.Layer | None = None,
    width: int | None = None,
    missing_modalities: bool = False,
    trunk: Trunk | None = None,
    tokenizer: Tokenizer | None = None,
    image_preprocessing: ImagePreprocessing | None = None,
    name: str = "multitask",
) -> MultiTask:
    """Builds one trunk with a head for each task (hard parameter sharing, arXiv:1706.05098, section 3).

    tasks: {name: Task(num_classes, head=..., labels=..., weight=...)}, a head each; the names are those of outputs and targets. A
    CaptionTask is written by a decoder that looks at the fused sequence.
    trunk: that of another model, such as classifier.trunk, whose weights are then shared with it; or image_encoder,
    text_encoder, fusion (default "concat"), width, missing_modalities, which make one and are build_classifier's, as are the others.
    Weights start at random; seed them with keras.utils.set_random_seed.
    Raises ValueError for no tasks or names that cannot be an output's, for a trunk together with what would make one, or
    neither, and as build_classifier.
    """
    if trunk is None:
        if image_encoder is None or text_encoder is None:
            raise ValueError(
                "build_multitask needs image_encoder and text_encoder, or a trunk, received neither or one"
            )
        trunk = Trunk(
            get_image_encoder(image_encoder),
            get_text_encoder(text_encoder, tokenizer),
            "concat" if fusion is None else fusion,
            width=width,
            missing_modalities=missing_modalities,
        )
    elif missing_modalities or any(part is not None for part in (image_encoder, text_encoder, fusion, width)):
        raise ValueError(
            "trunk must be given without image_encoder, text_encoder, fusion, width and missing_modalities, which make one"
        )
    return MultiTask(trunk, tasks, tokenizer=tokenizer, image_preprocessing=image_preprocessing, name=name)
