"""Weights reach a model whole or not at all, without initialisers, and are in memory once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from safetensors.numpy import save_file

from mmzoo.pretrained.assigning import assign, check, load_weights, new_tensors, uninitialized
from mmzoo.pretrained.checkpoint import open_checkpoint
from mmzoo.pretrained.links import Link
from mmzoo.pretrained.storing import write_checkpoint

SHAPES = {"conv.weight": (5, 3, 2, 2), "conv.bias": (5,), "fc.weight": (4, 20), "fc.bias": (4,)}


def build():
    x = images = keras.Input((4, 4, 3))
    x = layers.Conv2D(5, 2, strides=2)(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    return keras.Model(images, layers.Dense(4)(x))


def links_of(model):
    conv, fc = model.layers[1], model.layers[-1]
    return [
        Link("conv.weight", (conv.kernel,), "conv"),
        Link("conv.bias", (conv.bias,)),
        Link("fc.weight", (fc.kernel,), "dense"),
        Link("fc.bias", (fc.bias,)),
    ]


@pytest.fixture
def arrays():
    random = np.random.default_rng(0)
    return {name: random.normal(size=shape).astype("float32") for name, shape in SHAPES.items()}


def stored(tmp_path, arrays):
    save_file(arrays, tmp_path / "model.safetensors")
    return open_checkpoint(tmp_path)


def without_values(model):
    return [variable.path for variable in model.variables if variable._value is None]


def test_building_allocates_nothing_and_runs_no_initialiser():
    """These are 4 PB: a model that could never be initialised."""
    with uninitialized():
        inputs = keras.Input((10**6,))
        model = keras.Model(inputs, layers.Dense(10**6)(layers.Dense(10**9)(inputs)))
    assert model.count_params() == 2 * 10**15 + 10**9 + 10**6
    assert len(without_values(model)) == 4


def test_a_later_model_leaves_the_values_of_an_earlier_one_open(tmp_path, arrays):
    """Keras ends its next scope of the kind by initialising all it knows of; a model that has its values then fails."""
    with uninitialized():
        model = build()
    other = build()
    assert without_values(other) == []
    assert len(without_values(model)) == len(model.variables)
    load_weights(model, links_of(model), stored(tmp_path, arrays))
    build()


def test_an_error_while_building_leaves_nothing_behind():
    with pytest.raises(ValueError, match="units"), uninitialized():
        layers.Dense(build().count_params() * -1)
    assert without_values(build()) == []


def test_a_loaded_model_computes_what_its_weights_say(tmp_path, arrays):
    with uninitialized():
        model = build()
    load_weights(model, links_of(model), stored(tmp_path, arrays))
    assert without_values(model) == []  # the dropout's random generator has one too
    images = np.random.default_rng(1).normal(size=(2, 4, 4, 3)).astype("float32")
    patches = images.reshape(2, 2, 2, 2, 2, 3).transpose(0, 1, 3, 2, 4, 5)
    maps = np.einsum("nyxhwc,ochw->nyxo", patches, arrays["conv.weight"]) + arrays["conv.bias"]
    expected = maps.reshape(2, 20) @ arrays["fc.weight"].T + arrays["fc.bias"]
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-5)


def test_a_loaded_model_trains_like_one_whose_weights_were_set(tmp_path, arrays):
    """The memory that a backend took over is its own: a step changes it, and changes nothing else."""
    with uninitialized():
        model = build()
    load_weights(model, links_of(model), stored(tmp_path, arrays))
    other, untouched = build(), build()
    untouched_before = untouched.get_weights()
    other.set_weights(model.get_weights())
    for trained in (model, other):
        trained.layers[3].rate = 0
        trained.compile(keras.optimizers.SGD(1e-3), "mse")
        trained.fit(np.ones((2, 4, 4, 3)), np.zeros((2, 4)), epochs=3, verbose=0)
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert not np.allclose(model.layers[-1].bias, arrays["fc.bias"])
    for before, after in zip(untouched_before, untouched.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_model_in_half_precision_is_loaded_in_it(tmp_path, arrays, dtype):
    keras.config.set_dtype_policy(dtype)
    with uninitialized():
        model = build()
    load_weights(model, links_of(model), stored(tmp_path, arrays))
    assert keras.backend.standardize_dtype(model.layers[-1].bias.dtype) == dtype
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(model.layers[-1].bias.value), arrays["fc.bias"].astype(dtype)
    )


def test_what_is_written_again_is_equal_bit_by_bit(tmp_path, arrays):
    with uninitialized():
        model = build()
    checkpoint = stored(tmp_path, arrays)
    load_weights(model, links_of(model), checkpoint)
    write_checkpoint(tmp_path / "again.safetensors", new_tensors(links_of(model)))
    again = open_checkpoint(tmp_path, "again")
    assert set(again.tensors) == set(SHAPES)
    for name in SHAPES:
        np.testing.assert_array_equal(again.read(name), checkpoint.read(name))


FAULTS = {
    "missing": ({"fc.bias": None}, "must have every tensor of the model, and has no fc.bias"),
    "extra": ({"head.weight": (1,)}, "must have tensors of the model only, and also has head.weight"),
    "shape": (
        {"fc.weight": (20, 4), "fc.bias": (5,)},
        r"fc.weight must have shape \(4, 20\), found \(20, 4\); fc.bias must have shape \(4,\), found \(5,\)",
    ),
    "rank": ({"fc.bias": (1, 4)}, r"fc.bias must have shape \(4,\), found \(1, 4\)"),
    "many": ({f"x.{number}": (1,) for number in range(9)}, r"also has x\.0, x\.1, x\.2, x\.3, x\.4 and 4 more"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_checkpoint_of_another_model_is_refused_before_anything_is_assigned(tmp_path, arrays, fault):
    changes, message = FAULTS[fault]
    arrays |= {name: np.zeros(shape, "float32") for name, shape in changes.items() if shape is not None}
    checkpoint = stored(tmp_path, {name: arrays[name] for name in arrays if changes.get(name, ()) is not None})
    with uninitialized():
        model = build()
    with pytest.raises(ValueError, match=message):
        load_weights(model, links_of(model), checkpoint)
    assert len(without_values(model)) == len(model.variables)


def test_weights_must_be_numbers_with_fractions(tmp_path, arrays):
    arrays["fc.bias"] = np.arange(4)
    with pytest.raises(ValueError, match=r"must have weights of F64, F32, F16, BF16, and fc\.bias is I64"):
        check(links_of(build()), stored(tmp_path, arrays))


def test_tensors_to_be_ignored_may_be_there(tmp_path, arrays):
    arrays["position_ids"] = np.arange(6)[None]
    model = build()
    checkpoint = stored(tmp_path, arrays)
    check(links_of(model), checkpoint, ignored=("position_ids", "or_not"))
    with pytest.raises(ValueError, match="also has position_ids"):
        check(links_of(model), checkpoint)


def test_a_weight_that_no_link_covers_is_refused_unless_it_is_to_be_fresh(tmp_path, arrays):
    with uninitialized():
        model = build()
    links = [link for link in links_of(model) if link.name != "fc.bias"]
    del arrays["fc.bias"]
    checkpoint = stored(tmp_path, arrays)
    with pytest.raises(ValueError, match=r"nothing there becomes dense\w*/bias"):
        load_weights(model, links, checkpoint)
    assert len(without_values(model)) == len(model.variables)
    load_weights(model, links, checkpoint, fresh=[model.layers[-1].bias])
    np.testing.assert_array_equal(model.layers[-1].bias, np.zeros(4))


def test_values_that_are_not_finite_are_warned_of_and_kept(tmp_path, arrays):
    arrays["fc.bias"][1] = np.nan
    arrays["conv.bias"][:] = 3e38  # finite, and their sum is not
    model = build()
    with pytest.warns(UserWarning, match=r"values that are not finite in fc\.bias$"):
        assign(links_of(model), stored(tmp_path, arrays))
    np.testing.assert_array_equal(model.layers[-1].bias, arrays["fc.bias"])


def test_a_live_model_keeps_its_weights_when_reading_fails(tmp_path, arrays):
    model = build()
    before = model.get_weights()
    checkpoint = stored(tmp_path, arrays)
    path = tmp_path / "model.safetensors"
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(ValueError, match="must not change while it is read"):
        assign(links_of(model), checkpoint)
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_a_live_model_gets_the_weights(tmp_path, arrays):
    model = build()
    assign(links_of(model), stored(tmp_path, arrays))
    np.testing.assert_array_equal(model.layers[-1].kernel, arrays["fc.weight"].T)


MEMORY = """
import sys
from pathlib import Path
import keras
from keras import layers
from mmzoo.pretrained.assigning import load_weights, uninitialized
from mmzoo.pretrained.checkpoint import open_checkpoint
from mmzoo.pretrained.links import Link

def kilobytes(field):
    return int(Path("/proc/self/status").read_text().split(field + ":")[1].split()[0])

Path("/proc/self/clear_refs").write_text("5")  # the highest mark starts again from here
before = kilobytes("VmRSS")
with uninitialized():
    ids = keras.Input((4,), dtype="int32")
    embedding = layers.Embedding(50_000, 1000)
    x = embedding(ids)
    dense = [layers.Dense(size, use_bias=False) for size in (5000, 5000, 4000)]
    for layer in dense:
        x = layer(x)
    model = keras.Model(ids, x)
links = [Link("embedding", (embedding.embeddings,))]
links += [Link(f"dense.{number}", (layer.kernel,), "dense") for number, layer in enumerate(dense)]
load_weights(model, links, open_checkpoint(sys.argv[1]))
print((kilobytes("VmHWM") - before) * 1024 / (4 * model.count_params()))
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="measured once")
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells what was the most")
def test_loading_needs_at_most_1_3_times_the_memory_of_the_model(tmp_path):
    """400 MB, half of it one embedding, as in the models of many languages; the file is a hole, which is read as zeros."""
    shapes = {"embedding": (50_000, 1000), "dense.0": (5000, 1000), "dense.1": (5000, 5000), "dense.2": (4000, 5000)}
    header, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    os.truncate(path, 8 + len(text) + end)
    result = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert 0.9 < float(result.stdout) < 1.3
