"""A CLIP trained with VSE++'s triplets: cosines without a scale."""

import keras
import numpy as np
import pytest

from mmzoo.losses import triplet_loss
from mmzoo.models import build_clip
from mmzoo.presets import ClipPreset, TextSizes, ViTSizes
from mmzoo.training.freezing import freeze, unfreeze

SMALL = ClipPreset(8, ViTSizes(8, 4, 16, 1, 2, "gelu_tanh"), TextSizes(40, 6, 16, 1, 2, "gelu_tanh"))


def random_batch(count=8):
    rng = np.random.default_rng(0)
    return {
        "images": rng.integers(0, 256, (count, 8, 8, 3)).astype("uint8"),
        "token_ids": rng.integers(0, 40, (count, 6)).astype("int32"),
    }


def test_fit_learns_and_saves_and_the_scale_stays(tmp_path):
    model = build_clip(SMALL, loss="triplet")
    model.compile(keras.optimizers.AdamW(5e-3))
    data = random_batch()
    history = model.fit(data, batch_size=8, epochs=25, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    assert float(keras.ops.exp(model.logit_scale.log_scale)) == pytest.approx(1 / 0.07, rel=1e-6)
    model.save(tmp_path / "triplet.keras")
    again = keras.saving.load_model(tmp_path / "triplet.keras")
    assert again.loss_name == "triplet"
    np.testing.assert_array_equal(again.encode_image(data["images"]), model.encode_image(data["images"]))
    assert int(again.optimizer.iterations) == 25


def test_the_loss_is_of_cosines_and_repeated_captions_are_no_negatives():
    model = build_clip(SMALL, loss="triplet")
    model.compile("sgd")
    data = random_batch(5)
    data["token_ids"][1] = data["token_ids"][0]
    positives = np.eye(5, dtype=bool)
    positives[0, 1] = positives[1, 0] = True
    expected = float(triplet_loss(model.similarity(data["images"], data["token_ids"]), positives))
    assert expected > 0
    assert model.evaluate(data, batch_size=5, verbose=0) == pytest.approx(expected, rel=1e-4)


def test_unfreezing_leaves_the_scale_alone():
    model = build_clip(SMALL, loss="triplet")
    freeze(model)
    unfreeze(model)
    assert model.trainable_variables
    assert not any(model.logit_scale.log_scale is variable for variable in model.trainable_variables)
