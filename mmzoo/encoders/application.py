"""Networks of keras.applications as image encoders."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras import applications

from mmzoo.encoders.contract import ImageEncoder
from mmzoo.layers import ImageNormalization
from mmzoo.presets import HALF, IMAGENET_MEAN, IMAGENET_STD, ImagePreprocessing

CAFFE_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)  # red, green, blue

# How pixels of [0, 255] become what a network was trained on, by the names of keras.applications.imagenet_utils.
PIXELS: dict[str, dict[str, Any]] = {
    "caffe": {"mean": CAFFE_MEAN, "std": (1 / 255, 1 / 255, 1 / 255), "order": "bgr"},
    "tf": {"mean": HALF, "std": HALF},
    "torch": {"mean": IMAGENET_MEAN, "std": IMAGENET_STD},
    "none": {"mean": (0.0, 0.0, 0.0), "std": (1 / 255, 1 / 255, 1 / 255)},
}


@dataclass(frozen=True)
class Application:
    """One network: its constructor in keras.applications, the picture size it was published with, and its pixels (see PIXELS).

    interpolation and crop: how ImageNet's pictures were scaled when it was evaluated, and how much of the shortest side was kept.
    """

    build: Callable[..., keras.Model]
    image_size: int
    pixels: str
    interpolation: str = "bilinear"
    crop: float = 0.875


APPLICATIONS: dict[str, Application] = {
    "vgg16": Application(applications.VGG16, 224, "caffe"),
    "vgg19": Application(applications.VGG19, 224, "caffe"),
    "resnet50": Application(applications.ResNet50, 224, "caffe"),
    "resnet101": Application(applications.ResNet101, 224, "caffe"),
    "resnet152": Application(applications.ResNet152, 224, "caffe"),
    "resnet50_v2": Application(applications.ResNet50V2, 224, "tf"),
    "resnet101_v2": Application(applications.ResNet101V2, 224, "tf"),
    "resnet152_v2": Application(applications.ResNet152V2, 224, "tf"),
    "inception_v3": Application(applications.InceptionV3, 299, "tf"),
    "inception_resnet_v2": Application(applications.InceptionResNetV2, 299, "tf"),
    "xception": Application(applications.Xception, 299, "tf"),
    "densenet121": Application(applications.DenseNet121, 224, "torch"),
    "densenet169": Application(applications.DenseNet169, 224, "torch"),
    "densenet201": Application(applications.DenseNet201, 224, "torch"),
    "mobilenet": Application(applications.MobileNet, 224, "tf"),
    "mobilenet_v2": Application(applications.MobileNetV2, 224, "tf"),
    "mobilenet_v3_small": Application(applications.MobileNetV3Small, 224, "none"),
    "mobilenet_v3_large": Application(applications.MobileNetV3Large, 224, "none"),
    "efficientnet_v2_b0": Application(applications.EfficientNetV2B0, 224, "none", "bicubic", 1.0),
    "efficientnet_v2_b1": Application(applications.EfficientNetV2B1, 240, "none", "bicubic", 1.0),
    "efficientnet_v2_b2": Application(applications.EfficientNetV2B2, 260, "none", "bicubic", 1.0),
    "efficientnet_v2_b3": Application(applications.EfficientNetV2B3, 300, "none", "bicubic", 1.0),
    "efficientnet_v2_s": Application(applications.EfficientNetV2S, 384, "none", "bicubic", 1.0),
    "efficientnet_v2_m": Application(applications.EfficientNetV2M, 480, "none", "bicubic", 1.0),
    "efficientnet_v2_l": Application(applications.EfficientNetV2L, 480, "none", "bicubic", 1.0),
    "convnext_tiny": Application(applications.ConvNeXtTiny, 224, "none", "bicubic"),
    "convnext_small": Application(applications.ConvNeXtSmall, 224, "none", "bicubic"),
    "convnext_base": Application(applications.ConvNeXtBase, 224, "none", "bicubic"),
    "convnext_large": Application(applications.ConvNeXtLarge, 224, "none", "bicubic"),
    "convnext_xlarge": Application(applications.ConvNeXtXLarge, 224, "none", "bicubic"),
}


def build_application(
    network: str | keras.Model,
    *,
    image_size: int | tuple[int, int] | None = None,
    weights: str | os.PathLike[str] | None = None,
    pixels: str | None = None,
    name: str = "image_encoder",
) -> ImageEncoder:
    """A network of keras.applications, or one of your own, that takes pictures in [0, 255] whatever it was trained on.

    network: a name of APPLICATIONS ("resnet50", "vgg16", "inception_v3", "mobilenet_v3_small", ...), or a Keras model from one picture
    to a feature map, such as keras.applications.ResNet50(include_top=False).
    image_size: pixels; default the published size, or the model's own. weights: None (random), "imagenet" (downloaded by Keras), or
    the file of a network without its top, as network.save_weights writes it.
    pixels: for a model of your own, what it expects: "caffe" (BGR, mean subtracted), "tf" ([-1, 1]), "torch" (ImageNet's mean and
    std) or "none" ([0, 255]).
    Inputs:  images (B, H, W, 3) in [0, 255].
    Outputs: sequence (B, h w, D), the last feature map row by row; pooled (B, D), its mean.
    Pictures of other sizes are scaled as ImageNet's were for these networks: the shortest side to size / 0.875, then the centre
    (224 of 256 pixels: arXiv:1512.03385, section 3.4); EfficientNetV2 keeps the whole side (arXiv:2104.00298).
    Raises:  ValueError for an unknown network, a size it cannot have, a model without a feature map or a word on its pixels;
    FileNotFoundError where there are no such weights; OSError where they cannot be downloaded.
    """
    if isinstance(network, str):
        if network not in APPLICATIONS:
            raise ValueError(f"network must be a Keras model or one of {', '.join(APPLICATIONS)}, received {network!r}")
        row = APPLICATIONS[network]
        if pixels is not None:
            raise ValueError(
                f"pixels must be left out for {network}, which expects {row.pixels!r}, received {pixels!r}"
            )
        pixels, interpolation, crop = row.pixels, row.interpolation, row.crop
        size = _pair(row.image_size if image_size is None else image_size)
        network = _build(row, size, weights)
    else:
        if weights is not None:
            raise ValueError(f"weights must be None for a model that has its own, received {str(weights)!r}")
        if pixels not in PIXELS:
            raise ValueError(f"pixels must say what the model expects: {', '.join(PIXELS)}, received {pixels!r}")
        interpolation, crop, size = Application.interpolation, Application.crop, _size_of(network, image_size)
    images = keras.Input((*size, 3), name="images")
    features = network(ImageNormalization(**PIXELS[pixels], name="image_normalization")(images))
    if not hasattr(features, "shape") or len(features.shape) != 4 or None in features.shape[1:]:
        raise ValueError(
            "network must end in one feature map (B, h, w, D), as with include_top=False and pooling=None, received "
            f"outputs {keras.tree.map_structure(lambda x: x.shape, features)}"
        )
    outputs = {
        "sequence": keras.layers.Reshape((-1, features.shape[-1]), name="to_sequence")(features),
        "pooled": keras.layers.GlobalAveragePooling2D(name="pooling")(features),
    }
    encoder = ImageEncoder({"images": images}, outputs, name=name)
    encoder.image_preprocessing = ImagePreprocessing(size, interpolation, shortest_side=round(max(size) / crop))
    return encoder


def _build(row: Application, size: tuple[int, int], weights: str | os.PathLike[str] | None) -> keras.Model:
    if weights not in (None, "imagenet") and not Path(weights).is_file():
        raise FileNotFoundError(f"weights must be None, 'imagenet' or a file, found no {str(weights)!r}")
    shape = (*size, 3)
    if weights != "imagenet":
        network = row.build(include_top=False, weights=None, input_shape=shape)
        if weights is not None:
            network.load_weights(weights)
        return network
    try:
        return row.build(include_top=False, weights="imagenet", input_shape=shape)
    except ValueError:
        raise
    except Exception as error:  # Keras raises a bare one where a download fails
        raise OSError(f"weights='imagenet' must be downloaded by Keras, which failed: {error}") from error


def _size_of(network: keras.Model, image_size: int | tuple[int, int] | None) -> tuple[int, int]:
    """Height and width of a model's input, or those asked for where it takes any."""
    inputs = [tuple(tensor.shape) for tensor in getattr(network, "inputs", None) or ()]
    if len(inputs) != 1 or len(inputs[0]) != 4 or inputs[0][-1] != 3:
        raise ValueError(f"network must have one input of pictures (B, H, W, 3), received {inputs}")
    own = inputs[0][1:3]
    if image_size is None and None in own:
        raise ValueError(f"image_size must be given for a network of any size, received None for an input of {own}")
    size = own if image_size is None else _pair(image_size)
    if any(side not in (None, asked) for side, asked in zip(own, size, strict=True)):
        raise ValueError(f"image_size must be the network's {own}, received {size}")
    return size


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])
