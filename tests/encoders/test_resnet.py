"""Residual networks against transformers' own, and what they refuse."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_resnet

GOLDEN = np.load(Path(__file__).parents[1] / "golden/resnets.npz")
SMALL = {"image_size": 32, "stem_width": 6, "widths": (8, 12), "depths": (2, 1)}
STATISTICS = ("weight", "bias", "running_mean", "running_var")
MODELS = {
    "bottleneck": {},
    "basic": {"block": "basic", "downsample_in_first_stage": True},
    "gelu": {"downsample_in_bottleneck": True, "activation": "gelu"},
}


def place(name):
    """Where transformers' convolution of that name is: the start of the layers' names."""
    if name == "embedder.embedder":
        return "stem"
    stage, block, last = re.fullmatch(r"encoder\.stages\.(\d+)\.layers\.(\d+)\.(?:layer\.)?(\w+)", name).groups()
    return f"stage_{stage}_block_{block}_{last}"


def load(encoder, weights):
    for key in [key for key in weights if key.endswith(".convolution.weight")]:
        name = key.removesuffix(".convolution.weight")
        encoder.get_layer(f"{place(name)}_conv").set_weights([weights[key].transpose(2, 3, 1, 0)])
        encoder.get_layer(f"{place(name)}_norm").set_weights([weights[f"{name}.normalization.{k}"] for k in STATISTICS])


@pytest.mark.parametrize("name", MODELS)
def test_transformers_weights_give_transformers_features(name):
    weights = {key.split("/")[1]: GOLDEN[key].astype("float32") for key in GOLDEN.files if key.startswith(f"{name}/")}
    images = GOLDEN[f"{name}_images"]
    encoder = build_resnet(**SMALL | {"image_size": images.shape[1:3]}, **MODELS[name])
    assert encoder.count_params() == sum(value.size for value in weights.values())
    load(encoder, weights)
    outputs = encoder.predict({"images": images}, verbose=0)
    np.testing.assert_allclose(outputs["sequence"], GOLDEN[f"{name}_sequence"], atol=2e-5)
    np.testing.assert_allclose(outputs["pooled"], GOLDEN[f"{name}_pooled"], atol=2e-5)


def test_it_is_the_same_after_saving_and_loading(tmp_path):
    encoder = build_resnet(**SMALL)
    pictures = {"images": np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3))}
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    np.testing.assert_array_equal(
        loaded.predict(pictures, verbose=0)["pooled"], encoder.predict(pictures, verbose=0)["pooled"]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block": "wide"}, "'bottleneck' or 'basic', received 'wide'"),
        ({"activation": "mish"}, "one of relu, gelu, gelu_tanh, quick_gelu, received 'mish'"),
        ({"depths": (2,)}, "as many depths must be at least 1"),
        ({"widths": (8, 10)}, r"multiples of 4 for bottlenecks, received \(8, 10\)"),
    ],
)
def test_what_cannot_be_built_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        build_resnet(**SMALL | change)
