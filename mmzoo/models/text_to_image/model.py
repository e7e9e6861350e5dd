"""A generator and a discriminator that learn from one another to draw what a text says."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.encoders.contract import inputs_like
from mmzoo.layers import DifferentiableAugmentation
from mmzoo.layers.locking import set_trainable
from mmzoo.models.clip import CLIP
from mmzoo.models.kept_model import KeptModel
from mmzoo.models.text_to_image.generation import best_of, caption_ids, drawn_noise
from mmzoo.models.text_to_image.objective import Objective
from mmzoo.models.text_to_image.parts import parts_of_text_to_image
from mmzoo.models.text_to_image.step import adversarial_step
from mmzoo.presets import ImagePreprocessing
from mmzoo.signature import Part
from mmzoo.tokenizer import Tokenizer
from mmzoo.training.adversarial import AdversarialOptimizer
from mmzoo.training.fitting import fit_arguments, refuse_compiled
from mmzoo.training.gradients import check_backend, run_step
from mmzoo.training.input_range import InputRange, WarnOnUnitRange

GUIDE_TOKENIZER = "guide_tokenizer.json"
NO_LOSS = "a text-to-image model has no loss on held-out pictures; use mmzoo.metrics.CaptionConsistency or FeatureDistance in fit"


@keras.saving.register_keras_serializable("mmzoo")
class TextToImage(KeptModel, keras.Model):
    """Draws what a text says: a conditional GAN (arXiv:1605.05396, section 4) in one stage (DF-GAN, arXiv:2008.05865), as objective says.

    Inputs:  token_ids (B, T) int32; noise (B, noise_dim) float32, normal.
    Output:  images (B, S, S, 3) float32 in [0, 255], of the averaged generator.

    Train with `compile()` and `fit` on dictionaries: images (B, S, S, 3) in [0, 255], token_ids (B, T), and, where there are any,
    mismatched_ids (B, T): for each picture a text that does not describe it; equal to token_ids where there is none. Without them
    each picture gets its neighbour's text, unless that is its own. `mmzoo.data.dataset` makes them all. The logs have
    generator_loss, discriminator_loss and, where a CLIP guides, the cosine of what is drawn with its text. generate draws.
    Parts: generator, discriminator; averaged_generator, the moving average of the generator's weights, which draws; text_reader
    and guide, locked. tokenizer and image_preprocessing belong to the model and are saved in its .keras file.
    Raises ValueError for a backend without adversarial training, or guidance without a guide.
    """

    serialized = ("text_reader", "generator", "discriminator", "guide", "augmentation")

    def __init__(
        self,
        text_reader: keras.Model,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        objective: Objective | None = None,
        guide: keras.Model | None = None,
        guide_tokenizer: Tokenizer | None = None,
        augmentation: DifferentiableAugmentation | None = None,
        average_decay: float = 0.995,
        tokenizer: Tokenizer | None = None,
        image_preprocessing: ImagePreprocessing | None = None,
        name: str = "text_to_image",
        **kwargs: Any,
    ) -> None:
        check_backend(keras.backend.backend())
        objective = objective or Objective()
        if objective.guidance and guide is None:
            raise ValueError(f"guidance needs a CLIP that guides, received {objective.guidance:g} and none")
        if not 0 <= average_decay < 1:
            raise ValueError(f"average_decay must be at least 0 and below 1, received {average_decay}")
        averaged = type(generator).from_config(generator.get_config() | {"name": "averaged_generator"})
        averaged.set_weights(generator.get_weights())
        set_trainable(averaged, False)
        noise = keras.Input(generator.input["noise"].shape[1:], name="noise")
        inputs = {"noise": noise, **inputs_like(text_reader)}
        drawn = averaged({"noise": noise, **text_reader({"token_ids": inputs["token_ids"]})})
        policy = kwargs.pop("dtype", None)
        super().__init__(inputs=inputs, outputs=drawn, name=name, **kwargs)
        if policy is not None:
            self.dtype_policy = policy
        self.text_reader, self.generator, self.discriminator, self.guide = text_reader, generator, discriminator, guide
        self.averaged_generator = averaged
        set_trainable(text_reader, False)
        if guide is not None:
            set_trainable(guide, False)
        self.objective, self.average_decay = objective, average_decay
        self.augmentation = augmentation or DifferentiableAugmentation(name="augmentation")
        self.noise_seed = keras.random.SeedGenerator()
        self.input_range = InputRange(name="input_range")
        names = ["generator_loss", "discriminator_loss", *(["cosine"] if objective.guidance else [])]
        self.trackers = [keras.metrics.Mean(name=each) for each in names]
        self.tokenizer, self.guide_tokenizer = tokenizer, guide_tokenizer
        self.image_preprocessing = image_preprocessing or ImagePreprocessing(self.image_size)

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return tuple(self.generator.output["images"].shape[1:3])

    @property
    def context_length(self) -> int:
        """Number of token ids a text has, padding included."""
        return int(self.input["token_ids"].shape[1])

    @property
    def noise_dim(self) -> int:
        """How many normal numbers a picture is drawn from, beside its text."""
        return int(self.input["noise"].shape[1])

    @property
    def reads_mismatched(self) -> bool:
        """Whether a data set is to say for each picture a text that does not describe it."""
        return self.objective.mismatched

    @property
    def guide_reads(self) -> tuple[Tokenizer, int] | None:
        """By what, and to what length, a data set is to make guide_token_ids; None where the guide reads token_ids."""
        if self.guide is None or self.guide_tokenizer is None:
            return None
        return self.guide_tokenizer, int(self.guide.input["token_ids"].shape[1])

    def compile(
        self, optimizer: Any = None, discriminator_optimizer: Any = None, *, jit_compile: Any = "auto", **kwargs: Any
    ) -> None:
        """keras.Model.compile with an optimizer a side: the generator's first. There is no loss and there are no metrics to give.

        Default Adam(1e-3, beta_1=0, beta_2=0.99) for each; one alone is the generator's, and the discriminator gets another like it.
        gradient_accumulation_steps, schedules and clipping are each optimizer's own. Compile again after freezing. jit_compile:
        "auto" compiles with XLA on JAX alone; on processors TensorFlow's step takes half as long again with it.
        Raises ValueError for an optimizer in use or one for both sides, a loss or metrics, or mixed_float16 on JAX.
        """
        half = self.generator.compute_dtype == "float16"
        if half and keras.backend.backend() == "jax":
            raise ValueError(
                "the dtype policy must be mixed_bfloat16 on JAX, where this step scales no losses, received mixed_float16"
            )
        if isinstance(optimizer, AdversarialOptimizer) and optimizer.built:
            optimizer = AdversarialOptimizer.from_config(optimizer.get_config())
        if not isinstance(optimizer, AdversarialOptimizer):
            first = keras.optimizers.get(optimizer or keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99))
            second = discriminator_optimizer or type(first).from_config(first.get_config())
            optimizer = AdversarialOptimizer(first, second)
        if jit_compile == "auto":
            jit_compile = keras.backend.backend() == "jax"
        super().compile(optimizer, jit_compile=jit_compile, auto_scale_loss=False, **kwargs)
        refuse_compiled(self, "loss", "metrics", instead="build_text_to_image(loss=...) and callbacks")
        sides = self.generator.trainable_variables, self.discriminator.trainable_variables
        self.optimizer.prepare(*sides, scale_loss=half)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Keras calls it to read a .keras file."""
        config = {key: keras.saving.deserialize_keras_object(value) for key, value in config.items()}
        kept = ("run_eagerly", "steps_per_execution", "jit_compile")
        self.compile(config["optimizer"], **{key: config[key] for key in kept if key in config})

    def train_step(self, *arguments: Any) -> Any:
        """One step of both sides; Keras's fit calls it."""
        return run_step(self, self._step, arguments)

    def _step(self, data: Any) -> dict[str, Any]:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if y is not None or sample_weight is not None:
            raise ValueError("targets and sample_weight must be None: the pictures and texts are inputs")
        x = self._checked(x)
        token_ids = x["token_ids"]
        mismatched_ids = x["mismatched_ids"] if "mismatched_ids" in x else ops.roll(token_ids, 1, axis=0)
        self.input_range.update_state(x["images"])
        guide_ids = token_ids if self.guide_reads is None else x["guide_token_ids"]
        images = ops.cast(x["images"], "float32")
        losses = adversarial_step(self, images, token_ids, mismatched_ids, guide_ids)
        for tracker, value in zip(self.trackers, losses, strict=False):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}

    def _checked(self, x: Any) -> dict[str, Any]:
        """The inputs as tensors. Raises ValueError where one is missing, or has another shape: the step would say so in a hundred lines."""
        shapes = {"images": (*self.image_size, 3), "token_ids": (self.context_length,)}
        if self.guide_reads is not None:
            shapes["guide_token_ids"] = (self.guide_reads[1],)
        if not isinstance(x, Mapping) or any(name not in x for name in shapes):
            received = sorted(x) if isinstance(x, Mapping) else type(x).__name__
            raise ValueError(f"inputs must be a dictionary of {', '.join(shapes)}, received {received}")
        if "mismatched_ids" in x:
            shapes["mismatched_ids"] = shapes["token_ids"]
        tensors = {name: ops.convert_to_tensor(x[name]) for name in shapes}
        for name, shape in shapes.items():
            if tuple(tensors[name].shape[1:]) != shape:
                raise ValueError(
                    f"{name} must have shape (B, {', '.join(map(str, shape))}), received {tuple(tensors[name].shape)}"
                )
        return tensors

    def test_step(self, *arguments: Any) -> Any:
        raise ValueError(NO_LOSS)

    def draw_noise(self, batch: Any) -> Any:
        """(batch, noise_dim) float32, the next of the model's own draws, which a checkpoint keeps."""
        return keras.random.normal((batch, self.noise_dim), seed=self.noise_seed)

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """keras.Model.fit, with a warning if the first batch's images look like [0, 1] instead of [0, 255].

        When a Checkpoint resumes, a dataset of mmzoo.data goes on with the epoch that the interrupted run was in.
        Raises ValueError for what is no dictionary, validation data, or a strategy of several devices.
        """
        arguments = inspect.signature(super().fit).bind(*args, **kwargs).arguments
        if isinstance(arguments.get("x"), (list, tuple, np.ndarray)):
            raise ValueError(
                f'fit must be given dictionaries {{"images": ..., "token_ids": ...}}, received a {type(arguments["x"]).__name__}'
            )
        if arguments.get("validation_data") is not None or arguments.get("validation_split"):
            raise ValueError(f"validation_data and validation_split must be left out: {NO_LOSS}")
        strategy = getattr(self, "_distribute_strategy", None)
        if strategy is not None and strategy.num_replicas_in_sync > 1:
            raise ValueError(
                f"the model must train on one device, received a strategy of {strategy.num_replicas_in_sync}: its step is of one batch"
            )
        return super().fit(**fit_arguments(self, arguments, WarnOnUnitRange()))

    def generate(
        self,
        captions: Sequence[str] | np.ndarray,
        *,
        seed: int = 0,
        truncation: float | None = None,
        candidates: int = 1,
        judge: CLIP | None = None,
        batch_size: int = 64,
    ) -> np.ndarray:
        """Draws a picture for each of N captions, or token ids (N, T): -> (N, S, S, 3) uint8.

        seed: picture i of a seed is the same in batches of any size. truncation: noise further from 0 than this is drawn again, for
        pictures nearer to the usual at the price of variety (arXiv:1809.11096, section 3.1). candidates, judge: of so many pictures a
        caption, the one that this CLIP finds most like it; judge must read the captions, so they are strings.
        Raises ValueError for strings where the model has no tokenizer, token ids of another length, numbers out of range, or
        candidates without a judge.
        """
        if candidates < 1 or batch_size < 1:
            raise ValueError(f"candidates and batch_size must be at least 1, received {candidates} and {batch_size}")
        if candidates > 1 and judge is None:
            raise ValueError(f"candidates={candidates} need a judge, a CLIP that chooses among them, received None")
        if judge is not None and isinstance(captions, np.ndarray):
            raise ValueError("captions must be strings where there is a judge, who reads them too, received token ids")
        token_ids = caption_ids(self, captions)
        noise = drawn_noise(len(token_ids) * candidates, self.noise_dim, seed, truncation)
        if not len(token_ids):
            return np.zeros((0, *self.image_size, 3), np.uint8)
        inputs = {"noise": noise, "token_ids": np.repeat(token_ids, candidates, axis=0)}
        if len(noise) > batch_size:
            drawn = self.predict(inputs, batch_size=batch_size, verbose=0)["images"]
        else:  # compiling would take longer than it does
            drawn = ops.convert_to_numpy(self({k: ops.convert_to_tensor(v) for k, v in inputs.items()})["images"])
        pictures = np.clip(np.round(drawn), 0, 255).astype(np.uint8)
        return pictures if judge is None else best_of(pictures, list(captions), judge)

    def export_parts(self) -> dict[str, Part]:
        """What reads a text, what draws, and both as one program: see parts_of_text_to_image."""
        return parts_of_text_to_image(self)

    def save_assets(self, directory: str) -> None:
        """Writes what KeptModel does, and the guide's tokenizer where it has its own."""
        super().save_assets(directory)
        if self.guide_tokenizer is not None:
            self.guide_tokenizer.save(Path(directory) / GUIDE_TOKENIZER)

    def load_assets(self, directory: str | None) -> None:
        """Reads what save_assets wrote; Keras calls it."""
        super().load_assets(directory)
        if directory is not None and (path := Path(directory) / GUIDE_TOKENIZER).exists():
            self.guide_tokenizer = Tokenizer.from_file(path)

    def get_config(self) -> dict[str, Any]:
        parts = {name: getattr(self, name) for name in self.serialized}
        return (
            super().get_config()
            | {
                name: None if part is None else keras.saving.serialize_keras_object(part)
                for name, part in parts.items()
            }
            | {"objective": vars(self.objective), "average_decay": self.average_decay}
        )

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> TextToImage:
        config = config | {"objective": Objective(**config["objective"])}
        return super().from_config(config, custom_objects)
