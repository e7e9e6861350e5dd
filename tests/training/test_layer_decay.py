"""Each layer's share of the learning rate, against numbers worked out by hand and against Keras's own MultiOptimizer."""

import io
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.encoders import build_encoder
from mmzoo.models import build_clip
from mmzoo.presets import BertSizes, ClipPreset, ConvnetSizes, TextSizes, ViTSizes
from mmzoo.training.checkpoint import Checkpoint
from mmzoo.training.layer_decay import LayerwiseRates, layerwise_decay
from mmzoo.training.steps import steps_after

JIT = keras.backend.backend() == "jax"  # TensorFlow takes longer to compile such a step than to run it
SMALL = ClipPreset(8, ViTSizes(8, 4, 16, 3, 2), TextSizes(40, 6, 16, 2, 2, mask_rule="pad_id", pad_id=0))
DATA = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")


def chain():
    """Three steps, each a dense layer; their paths in Keras are first/kernel, second/kernel, ..."""
    keras.utils.set_random_seed(1)
    names = ("first", "second", "third")
    return keras.Sequential([keras.Input((4,)), *(keras.layers.Dense(4, "tanh", name=name) for name in names)])


def train(model, optimizer, epochs=1, **arguments):
    model.compile(optimizer, "mse", jit_compile=JIT)
    model.fit(DATA, DATA, batch_size=8, epochs=epochs, shuffle=False, verbose=0, **arguments)
    return model.get_weights()


def named_steps(model):
    return {layer.name: steps for layer, steps in steps_after(model).items()}


def test_a_tower_counts_its_blocks_from_the_projection():
    model = build_clip(SMALL)
    assert named_steps(model.image_tower) == {
        "projection": 0,
        "final_norm": 1,
        "block_2": 1,
        "block_1": 2,
        "block_0": 3,
        "first_norm": 4,
        "patch_embedding": 4,
    }
    assert named_steps(model.text_tower) == {
        "projection": 0,
        "final_norm": 1,
        "block_1": 1,
        "block_0": 2,
        "token_embedding": 3,
    }


def test_each_tower_of_a_clip_is_counted_on_its_own_and_the_logit_scale_is_left_out():
    model = build_clip(SMALL)
    towers = {**steps_after(model.image_tower), **steps_after(model.text_tower)}
    assert steps_after(model) == towers
    rates = dict(zip(map(id, model.trainable_variables), layerwise_decay(model, "sgd", 0.5).rates, strict=True))
    assert rates[id(model.logit_scale.log_scale)] == 1
    blocks = [model.image_encoder.get_layer(f"block_{index}") for index in range(3)]
    assert [{rates[id(weight)] for weight in block.weights} for block in blocks] == [{1 / 8}, {1 / 4}, {1 / 2}]


def test_a_residual_block_is_one_step_with_its_shortcut():
    # ResNet50 (arXiv:1512.03385, table 1): the first convolution, 3 + 4 + 6 + 3 blocks, the classifier.
    steps = named_steps(keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), include_top=True))
    assert max(steps.values()) + 1 == 1 + 16 + 1
    assert {steps[f"conv2_block1_{part}_conv"] for part in (0, 1, 2, 3)} == {16}
    assert (steps["conv1_conv"], steps["conv1_bn"], steps["predictions"]) == (17, 17, 0)


@pytest.mark.parametrize(
    ("sizes", "names"),
    [
        (BertSizes(40, 6, 16, 1, 2), ["pooler", "block_0", "token_embedding"]),
        (ViTSizes(8, 4, 16, 1, 2, pooling="attention"), ["pooling", "block_0", "patch_embedding"]),
        (
            ConvnetSizes(8, (4, 6)),
            ["stage_1_block_0_a_conv", "stage_1_in_conv", "stage_0_block_0_b_conv", "stage_0_in_conv", "stem_conv"],
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_encoders_are_counted_by_their_graph(sizes, names):
    steps = named_steps(build_encoder(sizes))
    assert [steps[name] for name in names] == list(range(len(names)))
    assert max(steps.values()) == len(names) - 1


def test_paths_from_separate_inputs_are_counted_each_on_its_own():
    inputs = [keras.Input((4,)), keras.Input((4,))]
    one = keras.layers.Dense(4, name="one")(inputs[0])
    two = keras.layers.Dense(4, name="two_1")(keras.layers.Dense(4, name="two_0")(inputs[1]))
    joined = keras.layers.Dense(4, name="joined")(keras.layers.Concatenate()([one, two]))
    model = keras.Model(inputs, keras.layers.Dense(1, name="head")(joined))
    assert named_steps(model) == {"head": 0, "joined": 1, "one": 2, "two_1": 2, "two_0": 3}


def test_a_layer_used_twice_is_where_it_is_used_first():
    layer = keras.layers.Dense(4, name="twice")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layer(keras.layers.Dense(4, name="between")(layer(inputs))))
    assert named_steps(model) == {"twice": 2, "between": 1}


@pytest.mark.parametrize("kind", [keras.optimizers.SGD, keras.optimizers.Adam])
def test_one_step_is_smaller_by_the_power_of_the_decay(kind):
    start, whole, model = chain().get_weights(), apply(chain(), kind(0.5), steps=1), chain()
    scaled = apply(model, layerwise_decay(model, kind(0.5), 0.25), steps=1)
    for before, full, part, share in zip(start, whole, scaled, (1 / 16, 1 / 16, 1 / 4, 1 / 4, 1, 1), strict=True):
        assert np.abs(full - before).max() > 1e-3
        np.testing.assert_allclose(part - before, share * (full - before), rtol=1e-4, atol=1e-7)


def test_the_rates_of_one_step_by_hand():
    # y = w2 w1 x with x = 1, w1 = 2, w2 = 3, loss y^2: dL/dw1 = 2 * 6 * 3 = 36, dL/dw2 = 2 * 6 * 2 = 24.
    layers = [keras.layers.Dense(1, use_bias=False) for _ in range(2)]
    model = keras.Sequential([keras.Input((1,)), *layers])
    model.set_weights([np.array([[2.0]]), np.array([[3.0]])])
    model.compile(layerwise_decay(model, keras.optimizers.SGD(1 / 64), 0.5), "mse")
    model.fit(np.ones((1, 1)), np.zeros((1, 1)), verbose=0)
    assert [float(weight[0, 0]) for weight in model.get_weights()] == [2 - 36 / 128, 3 - 24 / 64]


def test_adamw_decays_weights_by_their_share_by_hand():
    # Without a gradient Adam moves nothing, and AdamW takes rate * learning_rate * weight_decay of each weight.
    model = chain()
    start = model.get_weights()
    optimizer = layerwise_decay(model, keras.optimizers.AdamW(0.5, weight_decay=0.25), 0.5)
    optimizer.apply([keras.ops.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    for before, after, rate in zip(start, model.get_weights(), (1 / 4, 1 / 4, 1 / 2, 1 / 2, 1, 1), strict=True):
        np.testing.assert_allclose(after, before * (1 - rate * 0.5 * 0.25), rtol=1e-6)


OPTIMIZERS = {
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adamw": lambda rate: keras.optimizers.AdamW(rate, weight_decay=0.1, clipvalue=0.05),
    "nadam": lambda rate: keras.optimizers.Nadam(rate),
    "lion": lambda rate: keras.optimizers.Lion(rate, weight_decay=0.1),
    "rmsprop": lambda rate: keras.optimizers.RMSprop(rate, momentum=0.5),
    "lamb": lambda rate: keras.optimizers.Lamb(rate),
    "muon": lambda rate: keras.optimizers.Muon(rate, adam_weight_decay=0.2),
    "schedule_free": lambda rate: keras.optimizers.ScheduleFreeAdamW(rate, warmup_steps=2),
    "averaged": lambda rate: keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3),
    "accumulated": lambda rate: keras.optimizers.AdamW(rate, weight_decay=0.1, gradient_accumulation_steps=2),
}


def apply(model, optimizer, steps=6):
    """The weights after some steps along gradients that are the same for every model of this form."""
    draws = np.random.default_rng(5)
    for _ in range(steps):
        gradients = [draws.normal(size=variable.shape).astype("float32") for variable in model.trainable_variables]
        optimizer.apply([keras.ops.convert_to_tensor(each) for each in gradients], model.trainable_variables)
    return model.get_weights()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_trains_like_keras_with_one_optimizer_a_layer(name):
    make = OPTIMIZERS[name]
    apart = {f".*{layer}/.*": make(0.01 * share) for layer, share in (("first", 0.25), ("second", 0.5))}
    several = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(make(0.01), apart))
    expected, model = apply(chain(), several), chain()
    for ours, theirs in zip(apply(model, layerwise_decay(model, make(0.01), 0.5)), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_clips_by_the_norm_of_all_gradients_and_follows_a_schedule():
    # Keras's MultiOptimizer could do neither; SGD of a constant rate scales by hand.
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.5, 0.25])
    model = chain()
    start = [np.array(weight) for weight in model.get_weights()]
    optimizer = layerwise_decay(model, keras.optimizers.SGD(schedule, global_clipnorm=1.0), 0.5)
    gradients = [keras.ops.ones(variable.shape) for variable in model.trainable_variables]
    norm = np.sqrt(sum(weight.size for weight in start))
    for _ in range(2):
        optimizer.apply(gradients, model.trainable_variables)
    for before, after, rate in zip(start, model.get_weights(), (1 / 4, 1 / 4, 1 / 2, 1 / 2, 1, 1), strict=True):
        np.testing.assert_allclose(before - after, np.full_like(before, rate * 0.75 / norm), rtol=1e-4)


def test_callbacks_see_and_set_the_learning_rate():
    model = chain()
    history = []

    def halved(epoch, rate):
        history.append(rate)
        return rate / 2

    train(model, layerwise_decay(model, "adam"), epochs=3, callbacks=[keras.callbacks.LearningRateScheduler(halved)])
    assert history == pytest.approx([1e-3, 5e-4, 2.5e-4])
    assert float(model.optimizer.learning_rate) == pytest.approx(1.25e-4)


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    def decayed(*callbacks, epochs):
        model = chain()
        return train(model, layerwise_decay(model, keras.optimizers.AdamW(1e-2), 0.5), epochs, callbacks=callbacks)

    whole = decayed(epochs=4)
    decayed(Checkpoint(tmp_path), epochs=2)
    for ours, theirs in zip(decayed(Checkpoint(tmp_path), epochs=4), whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The file of a model trained for four steps, and its weights after four more."""
    path = tmp_path_factory.mktemp("decay") / "model.keras"
    model = chain()
    train(model, layerwise_decay(model, keras.optimizers.AdamW(1e-2), 0.5))
    model.save(path)
    model.fit(DATA, DATA, batch_size=8, shuffle=False, verbose=0)
    return path, model.get_weights()


def test_a_loaded_model_goes_on_as_the_one_that_was_saved(saved):
    path, expected = saved
    loaded = mmzoo.load(path)
    assert isinstance(loaded.optimizer, LayerwiseRates)
    assert int(loaded.optimizer.iterations) == 4
    loaded.fit(DATA, DATA, batch_size=8, shuffle=False, verbose=0)
    for ours, theirs in zip(loaded.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_file_holds_the_optimizer_state_once(saved):
    with zipfile.ZipFile(saved[0]) as file, h5py.File(io.BytesIO(file.read("model.weights.h5"))) as weights:
        matrices = []
        weights.visititems(lambda _, found: matrices.append(found) if getattr(found, "shape", None) == (4, 4) else None)
    assert len(matrices) == 3 * 3  # the weights and Adam's two averages


def test_loads_in_a_fresh_process(saved):
    block = 'sys.modules["tensorflow"] = None; ' if keras.backend.backend() == "jax" else ""
    code = f"import sys; {block}import mmzoo; print(max(mmzoo.load(sys.argv[1]).optimizer.rates))"
    command = [sys.executable, "-c", code, str(saved[0])]
    result = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert result.stdout.strip() == "1.0", result.stderr[-1000:]


def test_half_precision_scales_the_loss_around_it():
    expected = train(chain(), keras.optimizers.SGD(0.1))
    keras.config.set_dtype_policy("mixed_float16")
    model = chain()
    actual = train(model, layerwise_decay(model, keras.optimizers.SGD(0.1), 1.0))
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    for ours, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_variables_frozen_afterwards_are_refused():
    model = chain()
    optimizer = layerwise_decay(model, "sgd")
    model.layers[0].trainable = False
    with pytest.raises(ValueError, match=r"6 trainable variables .* received 4: freeze first, then layerwise_decay"):
        train(model, optimizer)


def test_what_cannot_be_scaled_is_refused():
    for decay in (0.0, 1.5):
        with pytest.raises(ValueError, match=f"decay must be above 0 and at most 1, received {decay}"):
            layerwise_decay(chain(), "sgd", decay)
    optimizer = keras.optimizers.SGD()
    layerwise_decay(chain(), optimizer)
    for used in (optimizer, keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD())):
        with pytest.raises(ValueError, match="optimizer must be a new one that wraps no other, received"):
            layerwise_decay(chain(), used)

    class Subclassed(keras.Model):
        pass

    with pytest.raises(ValueError, match="model must be functional or sequential"):
        layerwise_decay(Subclassed(), "sgd")
