"""TFLite files of single parts, run by LiteRT and compared with Keras."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from keras import layers, ops

from mmzoo.bundle.chatter import quiet
from mmzoo.bundle.runners import open_tflite
from mmzoo.exporters.parts import call, parts_of
from mmzoo.exporters.tflite import FLEX, write_tflite
from mmzoo.exporters.trace import trace_part


def write(model, path, **options):
    """Writes a model with no weight at its start's zero or one, which the converter would fold away."""
    generator = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable.numpy() + generator.normal(0, 0.1, variable.shape))
    with quiet():
        write_tflite(trace_part("part", parts_of(model)["model"]), path, **options)
    return path


def feed_of(model, batch, generator):
    feed = {}
    for tensor in model.inputs:
        shape = (batch, *tensor.shape[1:])
        whole = "int" in tensor.dtype
        feed[tensor.name] = (generator.integers(0, 50, shape) if whole else generator.normal(size=shape)).astype(
            tensor.dtype
        )
    return feed


def assert_answers_as_keras(model, path, batches=(1, 3, 32), atol=1e-5):
    run, generator = Interpreter(str(path)).get_signature_runner("part"), np.random.default_rng(1)
    for batch in batches:
        feed = feed_of(model, batch, generator)
        expected, actual = call(model, feed), run(**feed)
        assert set(actual) == set(expected)
        for name, output in expected.items():
            np.testing.assert_allclose(actual[name], output, atol=atol)


def kinds(path):
    return [operation["op_name"] for operation in Interpreter(str(path))._get_ops_details()]


class Scaled(layers.Layer):
    """Computes with its weight before any input is there, as weight normalisation does."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 300), name="kernel")

    def call(self, x):
        return ops.matmul(x, self.kernel / ops.norm(self.kernel, axis=0))


class Unread(layers.Layer):
    """Has a weight that no answer depends on."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(300, 300), name="kernel")

    def call(self, x):
        return x * 2


class InverseError(layers.Layer):
    def call(self, x):
        return ops.erfinv(x)


class Looping(layers.Layer):
    def call(self, x):
        return ops.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, ops.erfinv(y / 2)), (0, x))[1]

    def compute_output_shape(self, shape):
        return shape


class Repeated(layers.Layer):
    """Multiplies with one weight again and again, in a loop that stays one."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], shape[-1]), name="kernel")

    def call(self, x):
        return ops.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, ops.tanh(y @ self.kernel)), (0, x))[1]


def sequence(width=300):
    x = keras.Input((6, width), name="x")
    return x, layers.Dense(260, activation="relu", name="hidden")(x)


def dense_on_a_sequence():
    x, y = sequence()
    return keras.Model(x, {"y": layers.Dense(4)(y), "hidden": y})


def attention():
    x = keras.Input((6, 256), name="x")
    return keras.Model(x, {"y": layers.LayerNormalization()(layers.MultiHeadAttention(4, 64)(x, x))})


def tied_embedding():
    ids = keras.Input((7,), dtype="int32", name="ids")
    table = layers.ReversibleEmbedding(700, 100)
    y = layers.Dense(100, activation="gelu")(table(ids))
    return keras.Model(ids, {"logits": table(y, reverse=True)})


def convolutions():
    x = keras.Input((16, 16, 3), name="x")
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2, activation="relu")(x))
    y = layers.DepthwiseConv2D(3, padding="same")(y)
    return keras.Model(x, {"y": layers.Dense(5)(layers.GlobalAveragePooling2D()(y))})


def convolutions_of_sequences():
    x = keras.Input((12, 130), name="x")
    y = layers.BatchNormalization()(layers.Conv1D(200, 3, padding="same", activation="relu")(x))
    y = layers.Conv1DTranspose(140, 3, strides=2)(layers.SeparableConv1D(500, 3)(y))
    return keras.Model(x, {"y": y})


def unrolled_recurrence():
    x = keras.Input((3, 130), name="x")
    return keras.Model(x, {"y": layers.GRU(150, unroll=True)(x)})


def computed_kernel():
    x = keras.Input((260,), name="x")
    return keras.Model(x, {"y": Scaled()(x)})


def loop():
    x = keras.Input((260,), name="x")
    return keras.Model(x, {"y": Repeated()(x)})


def unread_weights_and_inputs():
    x, unread = keras.Input((300,), name="x"), keras.Input((2,), name="a")
    return keras.Model([x, unread], {"y": layers.Dense(260)(Unread()(x))})


def several_inputs():
    b, a = keras.Input((4, 256), name="b"), keras.Input((5,), name="a", dtype="int32")
    joined = layers.Concatenate(axis=1)([layers.Dense(256)(b), layers.Embedding(400, 256)(a)])
    return keras.Model([b, a], {"z": ops.mean(joined, axis=1), "c": layers.Dense(2)(b), "ids": a + 1})


def free_length():
    x = keras.Input((None, 300), name="x")
    return keras.Model(x, {"y": layers.Dense(260)(x)})


MODELS = (
    dense_on_a_sequence,
    attention,
    tied_embedding,
    convolutions,
    convolutions_of_sequences,
    unrolled_recurrence,
    computed_kernel,
    loop,
    several_inputs,
    unread_weights_and_inputs,
)


@pytest.mark.parametrize("build", MODELS, ids=lambda build: build.__name__)
def test_a_file_answers_as_keras_at_any_batch_size(build, tmp_path):
    model = build()
    assert_answers_as_keras(model, write(model, tmp_path / "x.tflite"))


def test_the_shape_of_one_free_axis_is_a_constant(tmp_path):
    x = keras.Input((6, 10), name="x")
    model = keras.Model(x, {"y": layers.Reshape((2, 3, 8))(layers.Dense(8)(x)) * 2})
    path = write(model, tmp_path / "x.tflite")
    assert "SHAPE" not in kinds(path)
    assert_answers_as_keras(model, path)


def test_dense_layers_on_a_sequence_are_one_operation_each(tmp_path):
    path = write(dense_on_a_sequence(), tmp_path / "x.tflite")
    assert kinds(path) == ["FULLY_CONNECTED"] * 2


def test_two_free_axes_are_computed_from_the_input(tmp_path):
    model = free_length()
    run = Interpreter(str(write(model, tmp_path / "x.tflite"))).get_signature_runner("part")
    x = np.random.default_rng(2).normal(size=(2, 9, 300)).astype("float32")
    np.testing.assert_allclose(run(x=x)["y"], model(x)["y"], atol=1e-5)


def test_token_ids_of_any_length_are_looked_up(tmp_path):
    ids = keras.Input((None,), dtype="int32", name="ids")
    model = keras.Model(ids, {"y": layers.Embedding(300, 8)(ids)})
    path = write(model, tmp_path / "x.tflite")
    assert "EMBEDDING_LOOKUP" in kinds(path)
    values = np.random.default_rng(2).integers(0, 300, (3, 5)).astype("int32")
    actual = Interpreter(str(path)).get_signature_runner("part")(ids=values)
    np.testing.assert_array_equal(actual["y"], model(values)["y"])


def test_a_tied_table_is_in_the_file_once(tmp_path):
    path = write(tied_embedding(), tmp_path / "x.tflite")
    assert path.stat().st_size < 4 * (700 * 100 + 100 * 100) + 10_000


def test_weights_keep_their_keras_paths(tmp_path):
    model = dense_on_a_sequence()
    names = {t["name"] for t in Interpreter(str(write(model, tmp_path / "x.tflite"))).get_tensor_details()}
    assert model.get_layer("hidden").kernel.path in names


def test_buffers_are_aligned_as_the_format_asks(tmp_path):
    content = write(dense_on_a_sequence(), tmp_path / "x.tflite").read_bytes()
    model = schema.Model.GetRootAs(content)
    start = np.frombuffer(content, np.uint8).ctypes.data
    data = [model.Buffers(index).DataAsNumpy() for index in range(model.BuffersLength())]
    places = [array.ctypes.data - start for array in data if isinstance(array, np.ndarray)]
    assert len(places) >= 4
    assert not any(place % 16 for place in places)


def test_a_fixed_batch_is_in_every_shape(tmp_path):
    model = attention()
    path = write(model, tmp_path / "x.tflite", batch=2)
    interpreter = Interpreter(str(path))
    assert interpreter.get_input_details()[0]["shape_signature"].tolist() == [2, 6, 256]
    assert all(-1 not in tensor["shape_signature"] for tensor in interpreter.get_tensor_details())
    assert "SHAPE" not in kinds(path)
    assert_answers_as_keras(model, path, batches=(2,))


def test_a_fixed_batch_leaves_the_shared_trace_free(tmp_path):
    trace = trace_part("part", parts_of(convolutions())["model"])
    with quiet():
        write_tflite(trace, tmp_path / "x.tflite", batch=1)
    assert trace.concrete.structured_outputs["y"].shape.as_list() == [None, 5]


def refused(model, tmp_path, **options):
    with pytest.raises(ValueError, match="must") as caught:
        write(model, tmp_path / "x.tflite", **options)
    assert list(tmp_path.iterdir()) == []
    return str(caught.value)


def test_an_operation_without_a_builtin_is_named_with_its_layer(tmp_path, capfd):
    x = keras.Input((3,), name="x")
    encoder = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, name="first"), InverseError(name="strange")], name="enc"
    )
    message = refused(keras.Model(x, {"y": encoder(x), "z": ops.erfinv(x)}), tmp_path)
    assert message == (
        "part 'part' must be made of TFLite's builtin operations, received Erfinv (enc/strange, erfinv); "
        "formats without tflite leave it out, and allow_flex=True keeps TensorFlow's own for the Flex delegate"
    )
    assert capfd.readouterr().err == ""


def test_an_operation_inside_a_loop_is_named_with_its_layer(tmp_path):
    x = keras.Input((3,), name="x")
    assert "received Erfinv (looping);" in refused(keras.Model(x, {"y": Looping(name="looping")(x)}), tmp_path)


def test_recurrent_layers_over_any_number_of_steps_are_told_to_fix_it(tmp_path):
    x = keras.Input((None, 4), name="x")
    message = refused(keras.Model(x, {"y": layers.Bidirectional(layers.GRU(3, name="gru"), name="both")(x)}), tmp_path)
    assert (
        "TensorListReserve (both/backward_gru, both/forward_gru); a recurrent layer over a fixed number of steps is;"
        in message
    )


def test_a_lookup_table_is_state_that_no_file_holds(tmp_path):
    x = keras.Input((3,), name="x", dtype="int64")
    model = keras.Model(x, {"y": layers.IntegerLookup(vocabulary=[3, 4], output_mode="multi_hot")(x)})
    assert "must keep its state in Keras weights" in refused(model, tmp_path)


def test_select_operations_are_let_in_on_request_and_said(tmp_path):
    x = keras.Input((None, 4), name="x")
    trace = trace_part("part", parts_of(keras.Model(x, {"y": layers.LSTM(3)(x)}))["model"])
    with quiet():
        assert write_tflite(trace, tmp_path / "x.tflite", allow_flex=True) == (FLEX,)
    assert "FlexTensorListReserve" in kinds(tmp_path / "x.tflite")
    run = open_tflite(tmp_path / "x.tflite", trace.entry)
    with pytest.raises(ImportError, match="needs a LiteRT with the Flex delegate"):
        run({"x": np.zeros((1, 5, 4), "float32")})


def test_allowing_select_operations_changes_nothing_where_none_is_needed(tmp_path):
    first, second = (write(convolutions(), tmp_path / str(flex), allow_flex=flex) for flex in (False, True))
    assert kinds(first) == kinds(second)


def test_a_model_of_two_gigabytes_is_refused_before_it_is_converted(tmp_path):
    # No such memory is touched: the variables are only asked for their shapes.
    huge = SimpleNamespace(shape=tf.TensorShape([50_000, 12_000]), dtype=tf.float32)
    trace = SimpleNamespace(variables=(huge,), entry=SimpleNamespace(name="part"))
    with pytest.raises(ValueError, match=r"must hold less than 2 GB of weights, received 2\.4 GB"):
        write_tflite(trace, tmp_path / "x.tflite")
