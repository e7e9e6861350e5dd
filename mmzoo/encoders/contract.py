"""What every encoder is: a functional keras.Model that carries what turns files and strings into its input."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from keras import ops

from mmzoo.layers import TokenEmbedding
from mmzoo.layers.locking import relock
from mmzoo.presets import ImagePreprocessing
from mmzoo.signature import Part, RawImages, RawTexts, TensorSpec
from mmzoo.tokenizer import Tokenizer

TOKENIZER, PREPROCESSING = "tokenizer.json", "preprocessing.json"


class _Encoder(keras.Model):
    """Locked (trainable = False), it runs in inference mode, without dropout, also inside a model that is trained."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return super().call(inputs, training=training if self.trainable else False, mask=mask)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        encoder = super().from_config(config, custom_objects=custom_objects)
        relock(encoder)
        return encoder


@keras.saving.register_keras_serializable("mmzoo")
class ImageEncoder(_Encoder):
    """images (B, H, W, 3) in [0, 255] -> sequence (B, N, Ds) without a class token; pooled (B, Dp).

    Made of inputs and outputs as any functional model. image_preprocessing: how a picture of any size becomes its input; by
    default to the input's size, as CLIP does. It is saved with the model.
    """

    _preprocessing: ImagePreprocessing | None = None

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return tuple(self.inputs[0].shape[1:3])

    @property
    def image_preprocessing(self) -> ImagePreprocessing:
        return self._preprocessing or ImagePreprocessing(self.image_size)

    @image_preprocessing.setter
    def image_preprocessing(self, value: ImagePreprocessing) -> None:
        if value.size != self.image_size:
            raise ValueError(
                f"image_preprocessing must have the encoder's size {self.image_size}, received {value.size}"
            )
        self._preprocessing = value

    def export_parts(self) -> dict[str, Part]:
        """The encoder with its pictures as an artifact declares them: uint8; raw: encoded files."""
        if len(self.inputs) > 1:
            names = [tensor.name for tensor in self.inputs]
            raise ValueError(f"an image encoder must have images as its one input to be exported, received {names}")
        return {"image": Part(self, (images_spec(self.image_size),), (RawImages("images", self.image_preprocessing),))}

    def save_assets(self, directory: str) -> None:
        """Writes preprocessing.json; Keras calls it for a .keras file, export for a bundle."""
        write_preprocessing(self.image_preprocessing, directory)

    def load_assets(self, directory: str) -> None:
        """Reads what save_assets wrote; Keras calls it."""
        self.image_preprocessing = read_preprocessing(directory)


@keras.saving.register_keras_serializable("mmzoo")
class TextEncoder(_Encoder):
    """token_ids (B, T) int32 -> sequence (B, T, Ds); pooled (B, Dp); mask (B, T) bool, True where there is text.

    Made of inputs and outputs as any functional model. tokenizer: what makes its ids of strings, or None; saved with the model.
    """

    tokenizer: Tokenizer | None = None

    @property
    def context_length(self) -> int:
        """Number of token ids a text has, padding included."""
        return int(self.inputs[0].shape[1])

    def export_parts(self) -> dict[str, Part]:
        """The encoder with its ids as an artifact declares them: int32; raw: strings, where it has a tokenizer."""
        raw = () if self.tokenizer is None else (RawTexts("token_ids", self.tokenizer, self.context_length),)
        return {"text": Part(self, (token_ids_spec(self),), raw)}

    def save_assets(self, directory: str) -> None:
        """Writes tokenizer.json where there is a tokenizer; Keras calls it for a .keras file, export for a bundle."""
        if self.tokenizer is not None:
            self.tokenizer.save(Path(directory) / TOKENIZER)

    def load_assets(self, directory: str | None) -> None:
        """Reads what save_assets wrote; Keras calls it, with None where that was nothing."""
        if directory is not None:  # else it keeps what a model lent it
            self.tokenizer = read_tokenizer(directory)


def id_range(encoder: keras.Model) -> tuple[int, int] | None:
    """The ids that a text encoder can embed, where one of its layers says so; segments and positions have smaller tables."""
    rows = [layer.vocab_size for layer in encoder._flatten_layers() if isinstance(layer, TokenEmbedding)]
    rows += [layer.input_dim for layer in encoder._flatten_layers() if isinstance(layer, keras.layers.Embedding)]
    return (0, max(rows) - 1) if rows else None


def images_spec(size: tuple[int, int]) -> TensorSpec:
    """Pictures of the size (height, width) as an artifact declares them: uint8."""
    return TensorSpec("images", (None, *size, 3), "uint8", (0, 255))


def token_ids_spec(encoder: keras.Model) -> TensorSpec:
    """A text encoder's ids as an artifact declares them: int32, in the range that it can embed."""
    return TensorSpec("token_ids", (None, int(encoder.input["token_ids"].shape[1])), "int32", id_range(encoder))


def read_tokenizer(directory: str | Path) -> Tokenizer | None:
    """The tokenizer of an asset directory, or None."""
    path = Path(directory) / TOKENIZER
    return Tokenizer.from_file(path) if path.exists() else None


def write_preprocessing(preprocessing: ImagePreprocessing, directory: str | Path) -> None:
    """Writes the preprocessing.json of an asset directory."""
    text = json.dumps(dataclasses.asdict(preprocessing), indent=2) + "\n"
    (Path(directory) / PREPROCESSING).write_text(text, encoding="utf-8")


def read_preprocessing(directory: str | Path) -> ImagePreprocessing:
    """The ImagePreprocessing of an asset directory; fields of later versions than the file's have their defaults.

    Raises ValueError for a field that there is not: it would be ignored without a word.
    """
    fields = json.loads((Path(directory) / PREPROCESSING).read_text(encoding="utf-8"))
    if unknown := set(fields) - {field.name for field in dataclasses.fields(ImagePreprocessing)}:
        raise ValueError(f"preprocessing.json must have fields of ImagePreprocessing only, received {sorted(unknown)}")
    return ImagePreprocessing(**fields)


def inputs_like(model: keras.Model) -> dict[str, Any]:
    """Fresh Keras inputs with the names, shapes and dtypes of the model's."""
    return {x.name: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name) for x in model.inputs}


def encode_images(encoder: keras.Model, images: Any, patch_mask: Any = None, *, training: bool | None = None) -> Any:
    """An image encoder's outputs; one that can hide patches (a ViT with a mask token) hides those of patch_mask (B, N), or none."""
    if not isinstance(images, keras.KerasTensor):
        images = ops.convert_to_tensor(images)  # on JAX Keras refuses NumPy arrays beside the mask's tensor
    inputs = {"images": images}
    hideable = next((tensor for tensor in encoder.inputs if tensor.name == "patch_mask"), None)
    if hideable is not None:
        if patch_mask is None:
            row = ops.cast(images[:, 0, 0, :1] * 0, "bool")
            patch_mask = ops.logical_and(row, ops.zeros((1, hideable.shape[1]), "bool"))
        inputs["patch_mask"] = patch_mask
    elif patch_mask is not None:
        raise ValueError(f"image_encoder must be a ViT with a mask token to hide patches, received {encoder.name!r}")
    return encoder(inputs, training=training)


def read_by_heads(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """What heads and fusions read of an encoder's outputs."""
    return {name: outputs[name] for name in ("sequence", "pooled", "mask") if name in outputs}


def preprocessing_for(encoder: keras.Model, given: ImagePreprocessing | None) -> ImagePreprocessing:
    """What a model on this image encoder prepares pictures by: what it was given, else the encoder's own, else CLIP's at its size.

    Raises ValueError for another size than the encoder's.
    """
    images = next(tensor for tensor in encoder.inputs if tensor.name == "images")
    size = (int(images.shape[1]), int(images.shape[2]))
    chosen = given or getattr(encoder, "image_preprocessing", None) or ImagePreprocessing(size=size)
    if chosen.size != size:
        raise ValueError(f"image_preprocessing must have the encoder's size {size}, received {chosen.size}")
    return chosen


def write_assets(model: Any, directory: str | Path) -> None:
    """Writes a model's tokenizer.json and preprocessing.json, each where it has one."""
    if model.tokenizer is not None:
        model.tokenizer.save(Path(directory) / TOKENIZER)
    if model.image_preprocessing is not None:
        write_preprocessing(model.image_preprocessing, directory)


def read_assets(model: Any, directory: str | Path | None) -> None:
    """Gives a model the tokenizer and the preprocessing that write_assets wrote; Keras calls nothing a directory of None."""
    if directory is None:
        return
    model.tokenizer = read_tokenizer(directory)
    if (Path(directory) / PREPROCESSING).exists():
        model.image_preprocessing = read_preprocessing(directory)
    lend_assets(model)


def lend_assets(model: Any) -> None:
    """Gives a model's encoders its tokenizer and its preprocessing where they have none of their own: other models are made of them."""
    parts = getattr(model, "trunk", None)
    parts = model if parts is None else parts
    text, image = getattr(parts, "text_encoder", None), getattr(parts, "image_encoder", None)
    if isinstance(text, TextEncoder) and text.tokenizer is None:
        text.tokenizer = model.tokenizer
    if isinstance(image, ImageEncoder) and image._preprocessing is None:
        image.image_preprocessing = model.image_preprocessing
