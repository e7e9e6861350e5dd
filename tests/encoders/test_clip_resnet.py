"""CLIP's residual network against open_clip's own, and what it refuses."""

from pathlib import Path

import keras
import numpy as np
import pytest

from mmzoo.encoders import build_clip_resnet

GOLDEN = np.load(Path(__file__).parents[1] / "golden/resnets.npz")
SMALL = {"image_size": 32, "width": 4, "depths": (1, 1, 1, 1), "num_heads": 4}
STATISTICS = ("weight", "bias", "running_mean", "running_var")


def place(name):
    """Where open_clip's convolution of that name, and the norm after it, are: the start of the layers' names."""
    if name.startswith("conv"):
        return f"stem_{int(name[4:]) - 1}", name.replace("conv", "bn")
    stage, block, last = name.removeprefix("layer").split(".", 2)
    start = f"stage_{int(stage) - 1}_block_{block}"
    if last == "downsample.0":
        return f"{start}_shortcut", name.replace("downsample.0", "downsample.1")
    return f"{start}_{int(last[4:]) - 1}", name.replace("conv", "bn")


def load(encoder, weights):
    kernels = [name.removesuffix(".weight") for name, value in weights.items() if value.ndim == 4]
    for name in kernels:
        start, norm = place(name)
        encoder.get_layer(f"{start}_conv").set_weights([weights[f"{name}.weight"].transpose(2, 3, 1, 0)])
        encoder.get_layer(f"{start}_norm").set_weights([weights[f"{norm}.{kind}"] for kind in STATISTICS])
    pooling = encoder.get_layer("pooling")
    pooling.positions.assign(weights["attnpool.positional_embedding"])
    for dense, name in ((pooling.query, "q_proj"), (pooling.key, "k_proj"), (pooling.value, "v_proj")):
        dense.set_weights([weights[f"attnpool.{name}.weight"].T, weights[f"attnpool.{name}.bias"]])


def test_open_clip_s_weights_give_open_clip_s_embeddings():
    weights = {
        key.removeprefix("clip/"): GOLDEN[key].astype("float32") for key in GOLDEN.files if key.startswith("clip/")
    }
    encoder = build_clip_resnet(image_size=70, width=4, depths=(1, 2, 1, 1), num_heads=8)
    projection = weights["attnpool.c_proj.weight"], weights["attnpool.c_proj.bias"]
    assert encoder.count_params() == sum(value.size for value in weights.values()) - sum(
        part.size for part in projection
    )
    load(encoder, weights)
    outputs = encoder.predict({"images": GOLDEN["clip_images"]}, verbose=0)
    np.testing.assert_allclose(outputs["sequence"], GOLDEN["clip_sequence"], atol=2e-5)
    embeds = outputs["pooled"] @ projection[0].T + projection[1]
    np.testing.assert_allclose(embeds, GOLDEN["clip_embeds"], atol=2e-5)


def test_a_picture_may_be_wide_and_of_odd_size():
    outputs = build_clip_resnet(**SMALL | {"image_size": (33, 95)}).output
    assert {key: value.shape for key, value in outputs.items()} == {"sequence": (None, 3, 128), "pooled": (None, 128)}


def test_it_is_the_same_after_saving_and_loading(tmp_path):
    encoder = build_clip_resnet(**SMALL)
    pictures = {"images": np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3))}
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    np.testing.assert_array_equal(
        loaded.predict(pictures, verbose=0)["pooled"], encoder.predict(pictures, verbose=0)["pooled"]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size": (31, 40)}, "at least 32, received 31 x 40"),
        ({"width": 5}, "even and at least 2, received 5"),
        ({"depths": (1, 1, 1)}, "four numbers of at least 1"),
        ({"num_heads": 7}, "a multiple of num_heads=7"),
        ({"num_heads": 0}, "num_heads must be at least 1"),
    ],
)
def test_what_cannot_be_built_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        build_clip_resnet(**SMALL | change)
