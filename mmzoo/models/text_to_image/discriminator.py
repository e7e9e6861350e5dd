"""What tells real pictures that fit their text from all others."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.encoders.feature_maps import feature_maps
from mmzoo.layers import ImageNormalization, ResidualGate
from mmzoo.models.text_to_image.generator import MOST, START
from mmzoo.models.text_to_image.reading import resized

DISCRIMINATORS = ("conv", "clip")
HALF = (0.5,) * 3


@keras.saving.register_keras_serializable("mmzoo")
class Discriminator(keras.Model):
    """Reads the picture first and the text last, so that one picture is judged with several texts at the cost of one.

    Inputs:  images (B, H, W, 3) in [0, 255]; text (B, E).
    Output:  logits (B, 1) float32, above 0 for a real picture that fits the text. No normalisation anywhere: a penalty on the
             gradient of each sample needs samples that do not see one another.
    reader: images -> a map (B, 4, 4, C); judge: (map, text) -> logits. Both run as in inference also while they are trained: nothing
    of their own differs, and an image encoder inside must not draw dropout.
    """

    def __init__(self, reader: keras.Model, judge: keras.Model, name: str = "discriminator") -> None:
        images = keras.Input(reader.inputs[0].shape[1:], name="images")
        text = keras.Input(judge.input["text"].shape[1:], name="text")
        logits = judge({"map": reader({"images": images})["map"], "text": text})["logits"]
        super().__init__({"images": images, "text": text}, {"logits": logits}, name=name)
        self.reader, self.judge = reader, judge

    def read(self, images: Any) -> Any:
        return self.reader({"images": images}, training=False)["map"]

    def logits(self, read: Any, text: Any) -> Any:
        """(B,) float32."""
        return self.judge({"map": read, "text": text}, training=False)["logits"][:, 0]

    def get_config(self) -> dict[str, Any]:
        return {
            "reader": keras.saving.serialize_keras_object(self.reader),
            "judge": keras.saving.serialize_keras_object(self.judge),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Discriminator:
        reader, judge = (
            keras.saving.deserialize_keras_object(config[name], custom_objects=custom_objects)
            for name in ("reader", "judge")
        )
        return cls(reader, judge, config["name"])


def build_discriminator(
    *, image_size: int = 32, text_dim: int = 64, width: int = 16, image_encoder: keras.Model | None = None
) -> Discriminator:
    """A discriminator on pixels (DF-GAN, arXiv:2008.05865, section 3.3), or on the features of an image encoder (GALIP,
    arXiv:2301.12959, section 3.2), which it uses as it is and never trains.

    width: channels of the first map; each block after it has twice as many, at most 16 * width.
    """
    pixels = image_encoder is None
    reader = _pixel_reader(image_size, width) if pixels else _feature_reader(image_encoder, image_size, width)
    return Discriminator(reader, _judge(int(reader.output["map"].shape[-1]), text_dim, 4 * width))


def _pixel_reader(image_size: int, width: int) -> keras.Model:
    images = keras.Input((image_size, image_size, 3), name="images")
    x = ImageNormalization(HALF, HALF, name="image_normalization")(images)
    x = keras.layers.Conv2D(width, 3, padding="same", name="stem")(x)
    count = (image_size // START).bit_length() - 1
    for index in range(count):
        x = _down(x, width * min(2 ** (index + 1), MOST), f"block_{index}")
    return keras.Model({"images": images}, {"map": x}, name="reader")


def _feature_reader(image_encoder: keras.Model, image_size: int, width: int) -> keras.Model:
    """The encoder's maps, coarser ones joined to the finer as soon as they are of one size, down to 4 x 4."""
    features = feature_maps(image_encoder)
    features.trainable = False
    images = keras.Input((image_size, image_size, 3), name="images")
    maps = features({"images": resized(images, features.inputs[0].shape[1:3])}, training=False)
    channels = 8 * width
    first, *coarser = (
        keras.layers.Conv2D(channels // 2, 1, name=f"map_{index}")(found) for index, found in enumerate(maps)
    )
    x = first
    for index, found in enumerate(coarser, 1):
        while x.shape[1] >= 2 * found.shape[1]:
            x = _down(x, channels // 2, f"map_{index}_down_{x.shape[1]}")
        x = keras.layers.Add(name=f"map_{index}_add")([resized(x, found.shape[1:3]), found])
    while x.shape[1] >= 2 * START:
        x = _down(x, channels, f"down_{x.shape[1]}")
    x = keras.layers.Conv2D(channels, 3, padding="same", name="last")(resized(x, (START, START)))
    return keras.Model({"images": images}, {"map": x}, name="reader")


def _down(x: Any, channels: int, name: str) -> Any:
    """Halves the map."""
    residual = keras.layers.Conv2D(channels, 4, 2, padding="same", name=f"{name}_half")(x)
    residual = keras.layers.LeakyReLU(0.2, name=f"{name}_half_activation")(residual)
    residual = keras.layers.Conv2D(channels, 3, padding="same", name=f"{name}_conv")(residual)
    residual = keras.layers.LeakyReLU(0.2, name=f"{name}_activation")(residual)
    x = keras.layers.AveragePooling2D(2, name=f"{name}_pool")(x)
    x = keras.layers.Conv2D(channels, 1, name=f"{name}_shortcut")(x)
    return ResidualGate(name=f"{name}_gate")(x, residual)


def _judge(channels: int, text_dim: int, width: int) -> keras.Model:
    inputs = {"map": keras.Input((START, START, channels), name="map"), "text": keras.Input((text_dim,), name="text")}
    text = keras.layers.Reshape((1, 1, text_dim), name="one_place")(inputs["text"])
    text = keras.layers.UpSampling2D(START, name="every_place")(text)
    x = keras.layers.Concatenate(name="both")([inputs["map"], text])
    x = keras.layers.Conv2D(width, 3, padding="same", name="together")(x)
    x = keras.layers.LeakyReLU(0.2, name="together_activation")(x)
    x = keras.layers.Conv2D(1, START, dtype="float32", name="judgement")(x)
    logits = keras.layers.Reshape((1,), dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits}, name="judge")
