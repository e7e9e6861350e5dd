"""What the models that answer from a trunk have in common: how they are fed, saved and named."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.encoders.contract import images_spec, lend_assets, preprocessing_for, token_ids_spec
from mmzoo.encoders.tokenizers import check_tokenizer
from mmzoo.models.kept_model import KeptModel
from mmzoo.models.pictures import checked_pictures
from mmzoo.models.trunk import Trunk, named_inputs
from mmzoo.presets import ImagePreprocessing
from mmzoo.signature import Part, RawImages, RawTexts, TensorSpec
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.fitting import fit_arguments
from mmzoo.training.input_range import InputRange, WarnOnUnitRange
from mmzoo.training.label_range import LabelRange, RefuseLabelsOutside


class TrunkModel(KeptModel, keras.Model):
    """A trunk and what is computed of its outputs; the base of Classifier, MultiTask and Matcher.

    inputs, outputs: of the graph, the inputs as the trunk's. tokenizer and image_preprocessing: default the encoders' own.
    label_ranges: {task: what the model's compute_loss has shown it of the labels}.
    """

    serialized = ("trunk",)

    def __init__(
        self,
        trunk: Trunk,
        inputs: Mapping[str, Any],
        outputs: Any,
        *,
        tokenizer: Tokenizer | None,
        image_preprocessing: ImagePreprocessing | None,
        name: str,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        tokenizer = tokenizer or getattr(trunk.text_encoder, "tokenizer", None)
        if tokenizer is not None:
            check_tokenizer(tokenizer, trunk.text_encoder)
        super().__init__(inputs=inputs, outputs=outputs, name=name, **kwargs)
        if dtype is not None:
            self.dtype_policy = dtype  # compile looks here when it decides on loss scaling
        self.trunk = trunk
        self.input_range = InputRange(name="input_range")
        self.label_ranges: dict[str, LabelRange] = {}
        self.tokenizer = tokenizer
        self.image_preprocessing = preprocessing_for(trunk.image_encoder, image_preprocessing)
        lend_assets(self)

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return tuple(self.trunk.input["images"].shape[1:3])

    @property
    def context_length(self) -> int:
        """Number of token ids a text has, padding included."""
        return int(self.trunk.input["token_ids"].shape[1])

    @property
    def missing_modalities(self) -> bool:
        """Whether pictures or texts may be missing."""
        return self.trunk.missing_modalities

    @property
    def has_own_loss(self) -> bool:
        """Whether the last compile left the loss to the model; Keras itself would keep one of an earlier compile."""
        return not self.compiled or self._compile_config.config["loss"] is None

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(named_inputs(self, inputs), *args, **kwargs)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return super().call(named_inputs(self, inputs), training=training, mask=mask)

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """keras.Model.fit, which refuses labels that cannot be, and warns of images in [0, 1] instead of [0, 255].

        Raises ValueError for labels out of range, and where parts were frozen or unfrozen after the optimizer was made.
        When a Checkpoint resumes, a dataset of mmzoo.data goes on with the epoch that the interrupted run was in.
        """
        arguments = inspect.signature(super().fit).bind(*args, **kwargs).arguments
        self.check_labels(arguments.get("y"))
        watching = (WarnOnUnitRange(), RefuseLabelsOutside(self.label_ranges))
        return super().fit(**fit_arguments(self, arguments, *watching))

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """keras.Model.evaluate, which refuses labels that cannot be. Raises ValueError for labels out of range."""
        self.check_labels(args[1] if len(args) > 1 else kwargs.get("y"))
        result = super().evaluate(*args, **kwargs)
        for task, seen in self.label_ranges.items():
            seen.check(task)
        return result

    def check_labels(self, labels: Any) -> None:
        """Looks at labels that are in memory, before anything is computed. Raises ValueError for what no example can have."""

    def watch_images(self, inputs: Any) -> None:
        """Shows a batch to input_range; pictures that are not there are none in [0, 1]."""
        named = named_inputs(self, inputs)
        largest = ops.max(named["images"], axis=(1, 2, 3))
        if self.missing_modalities:
            largest = ops.where(ops.cast(named["image_present"], "bool"), ops.cast(largest, "float32"), 255.0)
        self.input_range.update_state(largest)

    def inputs_of(self, images: Any, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """The model's inputs for pictures (N, H, W, 3) in [0, 255] at its size and N strings.

        Raises ValueError for other shapes, as many texts as there are not pictures, or a model without tokenizer.
        """
        images = checked_pictures(images, self.image_size)
        if len(images) != len(texts):
            raise ValueError(f"texts must be {len(images)} strings, one for each picture, received {len(texts)}")
        if self.tokenizer is None:
            raise ValueError(
                "texts must be token ids where the model has no tokenizer: tokenizer= of its builder gives it one"
            )
        return {"images": images, "token_ids": self.tokenizer(list(texts), self.context_length)}

    def whole_part(self, outputs: Mapping[str, Any], *, any_size: bool = False) -> Part:
        """All of the model as one part, its inputs as an artifact declares them: uint8 pictures, int32 token ids; raw: files, strings."""
        specs = {"images": images_spec(self.image_size), "token_ids": token_ids_spec(self.trunk.text_encoder)}
        inputs = [specs.get(name) or TensorSpec(name, (None,), "bool") for name in self.trunk.input]
        raw: tuple[RawImages | RawTexts, ...] = (RawImages("images", self.image_preprocessing),)
        if self.tokenizer is not None:
            raw += (RawTexts("token_ids", self.tokenizer, self.context_length),)
        read = {name: self.input[name] for name in self.trunk.input}
        return Part(keras.Model(read, dict(outputs), name=self.name), tuple(inputs), raw, any_size)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"trunk": keras.saving.serialize_keras_object(self.trunk)}
