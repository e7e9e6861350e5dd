"""The losses as compile takes them: Keras's order, weights and reduction, and back from a file."""

import keras
import numpy as np
import pytest
from keras import ops

from mmzoo.losses import BinaryCrossEntropy, CrossEntropy, HingeLoss

JIT = keras.backend.backend() == "jax"  # TensorFlow takes longer to compile such a step than to run it
SCORES = np.array([[2, 0, 1], [0, 1, 3]], "float32")
CASES = {
    # Worked out from softmax and sigmoid of SCORES.
    "cross_entropy": (CrossEntropy(), np.array([0, 1]), [0.4076059, 2.1698460]),
    "column": (CrossEntropy(), np.array([[0], [1]]), [0.4076059, 2.1698460]),
    "soft": (CrossEntropy(), np.eye(2, 3), [0.4076059, 2.1698460]),
    "binary": (BinaryCrossEntropy(), np.zeros((2, 3)), [(2.1269280 + 0.6931472 + 1.3132617) / 3, 1.6849987]),
    "hinge": (HingeLoss(), np.array([0, 1]), [0, 3]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_mean_the_sum_and_each_with_its_weight(case):
    loss, y_true, expected = CASES[case]
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert float(again(y_true, SCORES)) == pytest.approx(np.mean(expected), rel=1e-5)
    weighted = again(y_true, SCORES, sample_weight=np.array([0.0, 2.0]))
    assert float(weighted) == pytest.approx(expected[1], rel=1e-5)
    config = loss.get_config() | {"reduction": "none"}
    np.testing.assert_allclose(np.asarray(type(loss).from_config(config)(y_true, SCORES)), expected, rtol=1e-5)


def test_options_come_back_from_a_configuration():
    for loss_class in (CrossEntropy, BinaryCrossEntropy):
        loss = loss_class(label_smoothing=0.25, from_probabilities=True)
        again = loss_class.from_config(loss.get_config())
        assert (again.label_smoothing, again.from_probabilities) == (0.25, True)


def test_fit_learns_in_half_precision_and_the_saved_model_has_the_same_losses(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    x = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    labels = x[:, :3].argmax(axis=1)
    losses = {
        "softmax": (CrossEntropy(from_probabilities=True), "softmax", labels),
        "sigmoid": (BinaryCrossEntropy(from_probabilities=True), "sigmoid", np.eye(3)[labels]),
        "one": (BinaryCrossEntropy(name="of_one"), None, labels > 0),
        "margin": (HingeLoss(), None, labels),
    }
    inputs = keras.Input((4,))
    outputs = {}
    for name, (_, activation, _) in losses.items():
        scores = keras.layers.Dense(1 if name == "one" else 3)(inputs)
        outputs[name] = keras.layers.Activation(activation, dtype="float32", name=name)(scores)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.1), {name: loss for name, (loss, _, _) in losses.items()}, jit_compile=JIT)
    y = {name: y_true for name, (_, _, y_true) in losses.items()}
    history = model.fit(x, y, batch_size=16, epochs=12, verbose=0).history  # 40 is no multiple of 16
    for name in losses:
        assert history[f"{name}_loss"][-1] < 0.7 * history[f"{name}_loss"][0]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for name, (loss, _, _) in losses.items():
        assert type(again.loss[name]) is type(loss)
        assert again.loss[name].get_config() == loss.get_config()


def test_every_loss_is_the_same_compiled_where_the_batch_is_not_known_beforehand():
    from mmzoo import losses

    class Everything(keras.layers.Layer):
        def call(self, x):
            matrix, labels = ops.matmul(x, ops.transpose(x)), ops.argmax(x, axis=1)
            tokens, masked = ops.stack([x, x], axis=1), ops.stack([x[:, 0] > 0, x[:, 1] > 0], axis=1)
            token_ids = ops.stack([labels, labels], axis=1)
            images = ops.reshape(ops.tile(x, (1, 3)), (-1, 2, 2, 3))
            own = ops.mean(losses.cross_entropy(x, labels, label_smoothing=0.1))
            own += ops.mean(losses.binary_cross_entropy(x, ops.sigmoid(x))) + ops.mean(losses.hinge_loss(x, labels))
            own += ops.mean(losses.matching_loss(x[:, 0], labels > 1)) + ops.mean(
                losses.distillation_loss(x, -x, labels)
            )
            batch = losses.contrastive_loss(matrix) + losses.sigmoid_loss(matrix)
            for negatives in ("hard", "semi_hard", "random", "all"):
                batch += losses.triplet_loss(matrix, ops.equal(labels[:, None], labels), negatives=negatives, seed=1)
            hidden = losses.masked_token_loss(tokens, token_ids, masked)
            hidden += losses.masked_token_accuracy(tokens, token_ids, masked)
            hidden += losses.masked_image_loss(ops.reshape(images, (-1, 4, 3)), images, tokens[:, 0] > 0, patch_size=1)
            self.add_loss(own + batch + hidden)
            return x

    inputs = keras.Input((4,))
    everything = Everything()
    dense = keras.layers.Dense(4)
    model = keras.Model(inputs, everything(dense(inputs)))
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    expected = []
    for batch in (x[:4], x[4:]):
        everything(dense(batch))
        expected.append(float(everything.losses[-1]))
    model.compile(keras.optimizers.SGD(0.0), jit_compile=keras.backend.backend() == "jax")
    history = model.fit(x, np.zeros(8), batch_size=4, shuffle=False, verbose=0)
    assert history.history["loss"] == [pytest.approx(np.mean(expected), rel=1e-5)]
    assert np.isfinite(np.asarray(dense.kernel)).all()  # less 0 times the gradient
