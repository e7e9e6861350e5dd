"""Models nobody wrote for mmzoo, run by their artifact on inputs the export did not see."""

import keras
import numpy as np
import pytest
from keras import layers

from mmzoo.bundle import Bundle
from mmzoo.exporters import export

GENERATOR = np.random.default_rng(7)


def pictures(*shape):
    return GENERATOR.uniform(-1, 1, shape).astype("float32")


def ids(size, *shape, dtype="int32"):
    return GENERATOR.integers(0, size, shape).astype(dtype)


def assert_answers_as(model, directory, format, inputs, atol=1e-5):
    """The file's answers to named inputs are the Keras model's, in the order of its flattened outputs."""
    bundle = Bundle(directory)
    names = [spec.name for spec in bundle.manifest.parts["model"].outputs]
    found = bundle.run("model", format, inputs)
    is_named = not isinstance(model, keras.Sequential) and isinstance(model.input, dict)
    values = list(inputs.values())
    outputs = model(inputs if is_named else values if len(values) > 1 else values[0], training=False)
    for name, tensor in zip(names, keras.tree.flatten(outputs), strict=True):
        np.testing.assert_allclose(found[name], keras.ops.convert_to_numpy(tensor), atol=atol, rtol=1e-4)


def several_inputs_and_outputs():
    """Whole numbers of 64 bits, truth values, a list in and a list out."""
    a, b, c = (keras.Input((4,), name=n, dtype=t) for n, t in (("a", "float32"), ("b", "int64"), ("c", "bool")))
    x = layers.Concatenate()([a, layers.Flatten()(layers.Embedding(10, 3)(b)), keras.ops.cast(c, "float32")])
    model = keras.Model([a, b, c], [layers.Dense(2, name="logits")(x), layers.Dense(3, activation="softmax")(x)])
    return model, {"a": pictures(5, 4), "b": ids(10, 5, 4, dtype="int64"), "c": ids(2, 5, 4, dtype="bool")}


def picture_and_text():
    """A fusion model as found in tutorials: a convolution, a masked bidirectional LSTM, dropout, one softmax."""
    image, tokens = keras.Input((16, 16, 3), name="image"), keras.Input((6,), dtype="int32", name="tokens")
    x = layers.RandomFlip()(layers.Rescaling(1 / 127.5, -1)(image))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, strides=2, activation="relu")(x))
    y = layers.Embedding(100, 8, mask_zero=True)(tokens)
    y = layers.Bidirectional(layers.LSTM(4, unroll=True))(y)
    x = layers.Dropout(0.5)(layers.Concatenate()([x, y]))
    model = keras.Model({"image": image, "tokens": tokens}, layers.Dense(4, activation="softmax", name="answer")(x))
    return model, {"image": 255 * abs(pictures(5, 16, 16, 3)), "tokens": ids(100, 5, 6)}


def any_picture_size():
    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="gelu")(image)
    x = layers.Conv2DTranspose(2, 3, strides=2, padding="same")(layers.GroupNormalization(2)(x))
    return keras.Model(image, {"mask": x, "score": layers.GlobalMaxPooling2D()(x)}), {"image": pictures(2, 20, 12, 3)}


def nested_and_shared():
    """One inner model for two inputs, with statistics that training has left in it."""
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.BatchNormalization()], name="inner")
    inner.compile("sgd", "mse")
    inner.fit(3 + pictures(32, 6), pictures(32, 4), verbose=0)
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    distance = layers.Dot(1, normalize=True)([inner(a), inner(b)])
    return keras.Model({"a": a, "b": b}, {"cosine": distance}), {"a": pictures(5, 6), "b": pictures(5, 6)}


def adapted_features():
    normalization = layers.Normalization()
    normalization.adapt(50 + 9 * pictures(200, 4))
    model = keras.Sequential([keras.Input((4,), name="features"), normalization, layers.Dense(1, activation="sigmoid")])
    return model, {"features": 50 + 9 * pictures(5, 4)}


def mixed_precision():
    image = keras.Input((8, 8, 3), name="image")
    x = layers.BatchNormalization(dtype="mixed_float16")(layers.Conv2D(8, 3, dtype="mixed_float16")(image))
    return keras.Model(image, layers.Dense(3, dtype="float32")(layers.Flatten()(x))), {"image": pictures(5, 8, 8, 3)}


def looped_lstm():
    x = keras.Input((None, 3), name="steps")
    return keras.Model(x, layers.LSTM(4)(x)), {"steps": pictures(5, 9, 3)}


@pytest.mark.parametrize(
    ("build", "format", "atol"),
    [
        (several_inputs_and_outputs, "onnx", 1e-5),
        (several_inputs_and_outputs, "saved_model", 1e-5),
        (picture_and_text, "tflite", 1e-5),
        (any_picture_size, "onnx", 1e-5),
        (any_picture_size, "tflite", 1e-5),
        (nested_and_shared, "onnx", 1e-5),
        (adapted_features, "tflite", 1e-5),
        (mixed_precision, "onnx", 1e-2),  # the Keras model itself computes in float16
        (looped_lstm, "onnx", 1e-5),
    ],
)
def test_a_model_of_keras_layers_answers_in_the_format(build, format, atol, tmp_path):
    model, inputs = build()
    manifest = export(model, tmp_path / "model", [format])
    assert (manifest.samples.count, manifest.samples.kind) == (8, "synthetic")
    assert_answers_as(model, tmp_path / "model", format, inputs, atol)


def test_a_model_read_from_a_file_is_exported(tmp_path):
    model, inputs = picture_and_text()
    model.save(tmp_path / "model.keras")
    export(keras.saving.load_model(tmp_path / "model.keras"), tmp_path / "model", ["onnx"])
    assert_answers_as(model, tmp_path / "model", "onnx", inputs)


def test_a_loop_that_tflite_has_no_builtin_for_is_named(tmp_path):
    with pytest.raises(ValueError, match="TensorList"):
        export(looped_lstm()[0], tmp_path / "model", ["tflite"])
    assert not (tmp_path / "model").exists()


def test_outputs_in_the_thousands_are_compared_by_their_size(tmp_path):
    x = keras.Input((64,), name="x")
    y = layers.Dense(64, kernel_initializer=keras.initializers.RandomNormal(0, 1000), activation="relu")(x)
    model = keras.Model(x, layers.Dense(10, kernel_initializer=keras.initializers.RandomNormal(0, 10))(y))
    export(model, tmp_path / "model", ["onnx"])
    inputs = {"x": pictures(5, 64)}
    assert np.abs(model.predict(inputs["x"], verbose=0)).max() > 1e5
    assert_answers_as(model, tmp_path / "model", "onnx", inputs, atol=1)


def test_keras_s_own_mobilenet_is_exported(tmp_path):
    model = keras.applications.MobileNetV3Small(weights=None)
    for layer in model.layers:  # untrained, its activations fade until every picture gets the same answer
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance.assign(layer.moving_variance * 0.01)
    export(model, tmp_path / "model", ["onnx"])
    inputs = {"input": 255 * abs(pictures(2, 64, 96, 3))}
    assert np.ptp(model.predict(inputs["input"], verbose=0), axis=0).max() > 1e-4
    assert_answers_as(model, tmp_path / "model", "onnx", inputs)


def kerashub_text(name, **options):
    import keras_hub

    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32, "max_sequence_length": 20}
    return getattr(keras_hub.models, name)(vocabulary_size=50, **sizes, **options)


def text_inputs(model):
    """Free lengths, and padding: any length up to the longest will do."""
    inputs = {"padding_mask": np.arange(9) < ids(9, 3, 1) + 1, "token_ids": ids(50, 3, 9)}
    inputs |= {"segment_ids": ids(2, 3, 9)} if "segment_ids" in model.input else {}
    return {name: array.astype("int32") for name, array in inputs.items()}


@pytest.mark.parametrize("name", ["BertBackbone", "RobertaBackbone"])
def test_kerashub_s_text_encoders_are_exported(name, tmp_path):
    model = kerashub_text(name)
    manifest = export(model, tmp_path / "model", ["onnx"])
    assert {spec.name: spec.range for spec in manifest.parts["model"].inputs}["token_ids"] == (0, 49)
    assert_answers_as(model, tmp_path / "model", "onnx", text_inputs(model))


def test_kerashub_s_vision_transformer_is_exported(tmp_path):
    import keras_hub

    model = keras_hub.models.ViTBackbone(
        image_shape=(16, 16, 3), patch_size=8, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32
    )
    export(model, tmp_path / "model", ["tflite"])
    assert_answers_as(model, tmp_path / "model", "tflite", {"images": pictures(3, 16, 16, 3)})


def test_kerashub_s_resnet_is_exported(tmp_path):
    import keras_hub

    model = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
    )
    export(model, tmp_path / "model", ["onnx"])
    (name,) = [spec.name for spec in Bundle(tmp_path / "model").manifest.parts["model"].inputs]
    assert_answers_as(model, tmp_path / "model", "onnx", {name: pictures(2, 40, 32, 3)})
