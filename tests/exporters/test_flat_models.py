"""What an export says of a model whose samples prove little, or cannot be compared."""

import keras
import numpy as np
import pytest
from keras import layers

from mmzoo.exporters import ParityError, export
from mmzoo.exporters.files import write_onnx


def untrained_classifier(spread):
    """1000 probabilities of 0.001, and more or less by that share of it."""
    x = keras.Input((16,), name="x")
    kernel = keras.initializers.RandomNormal(0, spread)
    return keras.Model(x, layers.Dense(1000, activation="softmax", kernel_initializer=kernel, name="p")(x))


def test_a_file_that_ignores_its_input_is_refused_although_its_answers_are_near(tmp_path, monkeypatch):
    model = untrained_classifier(spread=1e-3)

    def write_constant(trace, *arguments, **options):
        for variable in model.variables:
            variable.assign(np.zeros(variable.shape))
        return write_onnx(trace, *arguments, **options)

    monkeypatch.setattr("mmzoo.exporters.files.write_onnx", write_constant)
    with pytest.raises(ParityError, match=r"must tell samples apart .* p 1\S* \(at most 0\.05\)"):
        export(model, tmp_path / "model", ["onnx"])


def test_answers_that_are_all_the_same_are_said_to_prove_little(tmp_path):
    with pytest.warns(UserWarning, match="part model gives all samples nearly the same answer"):
        export(untrained_classifier(spread=0.0), tmp_path / "model", ["onnx"])


def test_an_output_that_depends_on_the_size_of_the_batch_is_refused(tmp_path):
    x = keras.Input((4,), name="x")
    model = keras.Model(x, {"similarities": keras.ops.matmul(x, keras.ops.transpose(x))})
    message = r"output similarities must not depend on the batch's size, received shape \(1,\) .* and \(8,\) in a batch"
    with pytest.raises(ValueError, match=message):
        export(model, tmp_path / "model", ["onnx"])


def test_samples_the_model_cannot_take_are_named(tmp_path):
    steps = keras.Input((None,), name="steps")
    model = keras.Model(steps, layers.Dense(2)(keras.ops.reshape(steps, (-1, 10))))
    with pytest.raises(
        ValueError, match=r"must be inputs the model can take, received steps \(1, 16\) float32 and from"
    ):
        export(model, tmp_path / "model", ["onnx"])
