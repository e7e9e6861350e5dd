"""What is frozen stays as it is to the last bit, through training, files and resumed runs."""

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.encoders import build_encoder
from mmzoo.encoders.contract import ImageEncoder
from mmzoo.models import build_clip
from mmzoo.presets import ClipPreset, ConvnetSizes, TextSizes, ViTSizes
from mmzoo.training.checkpoint import Checkpoint
from mmzoo.training.freezing import check_optimizer_is_current, freeze, freeze_layers, frozen_layers, unfreeze

JIT = keras.backend.backend() == "jax"  # TensorFlow takes longer to compile such a step than to run it
SIZES = ClipPreset(8, ConvnetSizes(8, (4,)), TextSizes(40, 6, 8, 2, 2))
RNG = np.random.default_rng(0)
BATCH = {
    "images": RNG.uniform(0, 255, (8, 8, 8, 3)).astype("float32"),
    "token_ids": RNG.integers(1, 40, (8, 6)).astype("int32"),
}


def clip(part=None, keep=0):
    keras.utils.set_random_seed(1)
    model = build_clip(SIZES)
    if part:
        freeze(getattr(model, part), keep=keep)
    model.compile(keras.optimizers.AdamW(1e-2), jit_compile=JIT)
    return model


def fit(model):
    model.fit(BATCH, batch_size=4, shuffle=False, verbose=0)
    return model


def numbers(weights):
    return [np.array(keras.ops.convert_to_numpy(weight)) for weight in weights]


def changed(before, weights):
    return [bool((ours != theirs).any()) for ours, theirs in zip(numbers(weights), before, strict=True)]


def parts(model):
    return model.image_encoder.weights, model.image_tower.get_layer("projection").weights, model.text_encoder.weights


@pytest.fixture(scope="module")
def trained():
    """A CLIP whose image encoder was frozen after compile and before fit, and its weights before fit."""
    model = clip()
    freeze(model.image_encoder)
    before = [numbers(weights) for weights in parts(model)]
    return fit(model), before


def test_a_locked_encoder_is_bit_equal_after_training_statistics_included(trained):
    model, before = trained
    assert any("moving_mean" in weight.path for weight in model.image_encoder.weights)
    encoder, projection, text = (changed(*pair) for pair in zip(before, parts(model), strict=True))
    assert not any(encoder)
    assert all(projection)
    assert any(text)


def test_a_locked_encoder_has_no_slots_in_the_optimizer(trained):
    model, _ = trained
    count = len(model.text_encoder.weights) + 2 + 1  # two projections and the logit scale
    assert len(model.trainable_variables) == count
    assert len(model.optimizer.variables) == 2 + 2 * count  # iterations, learning rate, Adam's two averages


def test_an_optimizer_made_for_other_variables_is_refused(trained):
    model, _ = trained
    made_for = len(model.trainable_variables)
    unfreeze(model.image_encoder)
    message = f"compiled again after .* for {made_for} variables, and {made_for + 4 * 3} are trainable"
    with pytest.raises(ValueError, match=message):
        fit(model)
    freeze(model.image_encoder)
    check_optimizer_is_current(model)


def test_all_but_the_last_blocks_are_locked():
    encoder = build_clip(ClipPreset(8, ViTSizes(8, 4, 8, 3, 2), TextSizes(40, 6, 8, 2, 2))).image_encoder

    def trained():
        return {variable.path.split("/")[0] for variable in encoder.trainable_variables}

    freeze(encoder, keep=2)
    assert trained() == {"block_1", "block_2", "final_norm"}
    freeze(encoder, keep=1)
    assert trained() == {"block_2", "final_norm"}
    unfreeze(encoder)
    assert len(encoder.trainable_variables) == len(encoder.weights)


def test_the_statistics_of_locked_blocks_stand_still():
    model = clip("image_encoder", keep=1)
    stem, last = (model.image_encoder.get_layer(name).weights for name in ("stem_norm", "stage_0_block_0_b_norm"))
    before = numbers(stem), numbers(last)
    fit(model)
    assert not any(changed(before[0], stem))
    assert all(changed(before[1], last))


def test_a_locked_encoder_runs_without_dropout():
    inputs = keras.Input((8, 8, 3), name="images")
    pooled = keras.layers.Dropout(0.5)(keras.layers.GlobalAveragePooling2D()(inputs))
    encoder = ImageEncoder({"images": inputs}, {"pooled": pooled})
    images = keras.Input((8, 8, 3), name="images")
    outer = keras.Model(images, encoder({"images": images})["pooled"])
    plain = BATCH["images"].mean((1, 2))
    assert np.abs(keras.ops.convert_to_numpy(outer(BATCH["images"], training=True)) - plain).max() > 1
    freeze(encoder)
    for model in (outer, keras.Model.from_config(outer.get_config())):
        answer = keras.ops.convert_to_numpy(model(BATCH["images"], training=True))
        np.testing.assert_allclose(answer, plain, rtol=1e-5)


@pytest.mark.parametrize(
    ("part", "keep", "frozen"),
    [
        ("image_encoder", 0, ["image_tower/image_encoder"]),
        ("text_tower", 0, ["text_tower"]),
        ("text_encoder", 1, ["text_tower/text_encoder/token_embedding", "text_tower/text_encoder/block_0"]),
        ("logit_scale", 0, ["logit_scale"]),
    ],
)
def test_a_file_keeps_what_is_frozen_and_the_optimizer_that_goes_with_it(part, keep, frozen, tmp_path):
    model = clip(part, keep)
    model.optimizer.build(model.trainable_variables)
    assert frozen_layers(model) == frozen
    model.save(tmp_path / "model.keras")
    loaded = mmzoo.load(tmp_path / "model.keras")
    assert frozen_layers(loaded) == frozen
    assert len(loaded.trainable_variables) == len(model.trainable_variables) < len(model.weights)
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)


def test_frozen_blocks_stay_frozen_when_a_loaded_model_is_trained(tmp_path):
    model = clip("text_encoder", keep=1)
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    loaded = mmzoo.load(tmp_path / "model.keras")
    block = loaded.text_encoder.get_layer("block_0").weights
    before = numbers(block)
    fit(loaded)
    assert not any(changed(before, block))


def test_an_encoder_of_its_own_keeps_it_too(tmp_path):
    encoder = build_clip(SIZES).text_encoder
    freeze(encoder, keep=1)
    encoder.save(tmp_path / "encoder.keras")
    loaded = mmzoo.load(tmp_path / "encoder.keras")
    assert [v.path for v in loaded.trainable_variables] == [v.path for v in encoder.trainable_variables]
    assert len(loaded.trainable_variables) < len(loaded.weights)


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    def train(epochs, *callbacks):
        keras.utils.set_random_seed(1)
        encoder = build_encoder(SIZES.image)
        freeze(encoder, keep=1)
        images = keras.Input((8, 8, 3))
        model = keras.Model(images, keras.layers.Dense(1)(encoder({"images": images})["pooled"]))
        model.compile("adam", "mse", jit_compile=JIT)
        arguments = {"batch_size": 4, "shuffle": False, "verbose": 0, "callbacks": list(callbacks)}
        model.fit(BATCH["images"], np.ones((8, 1)), epochs=epochs, **arguments)
        return model.get_weights()

    whole = train(3)
    train(1, Checkpoint(tmp_path))
    for ours, theirs in zip(train(3, Checkpoint(tmp_path)), whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"frozen parts must be layers of clip, received 'image_tower/nothing'"):
        freeze_layers(build_clip(SIZES), ["image_tower/nothing"])


@pytest.mark.parametrize(
    ("keep", "message"), [(-1, "keep must be at least 0, received -1"), (3, "keep must be below the 3 steps of text")]
)
def test_a_keep_that_freezes_nothing_is_refused(keep, message):
    with pytest.raises(ValueError, match=message):
        freeze(build_clip(SIZES).text_encoder, keep=keep)


def test_a_configuration_of_before_has_nothing_frozen():
    model = build_clip(SIZES)
    config = model.get_config()
    del config["frozen"]
    assert frozen_layers(type(model).from_config(config)) == []
