"""Recurrent layers in every format, as they are: nobody sets unroll."""

import sys
from collections import Counter

import keras
import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from mmzoo.bundle import Bundle
from mmzoo.encoders import build_recurrent_text
from mmzoo.exporters import export
from mmzoo.exporters.parts import parts_of
from mmzoo.exporters.trace import trace_part

GENERATOR = np.random.default_rng(3)


def sequences(layer, shape=(5, 4)):
    x = keras.Input(shape, name="x")
    outputs = keras.tree.flatten(layer(x))
    model = keras.Model({"x": x}, {f"y{index}": output for index, output in enumerate(outputs)})
    return model, {"x": GENERATOR.normal(size=(3, *shape)).astype("float32")}


def padded(layer):
    """Pads on the right, on the left, and a row of nothing else."""
    ids = keras.Input((6,), dtype="int32", name="ids")
    embedded = layers.Embedding(20, 5, mask_zero=True, embeddings_initializer="normal")(ids)
    model = keras.Model({"ids": ids}, {"y": layers.Activation("tanh")(layer(embedded))})
    tokens = GENERATOR.integers(1, 20, (4, 6)).astype("int32")
    tokens[0, 2:], tokens[1, :3], tokens[2] = 0, 0, 0
    return model, {"ids": tokens}


MODELS = {
    "lstm": lambda: sequences(layers.LSTM(3, return_sequences=True, return_state=True)),
    "gru": lambda: sequences(layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="sum")),
    "simple": lambda: sequences(layers.SimpleRNN(3, go_backwards=True)),
    "stack": lambda: sequences(layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)])),
    "convlstm": lambda: sequences(layers.ConvLSTM1D(3, 2), (3, 6, 2)),
    "padded_lstm": lambda: padded(layers.LSTM(3)),
    "padded_both": lambda: padded(layers.Bidirectional(layers.GRU(3, return_sequences=True))),
}


def assert_same_answers(model, directory, format, inputs, **precision):
    found = Bundle(directory).run(next(iter(Bundle(directory).manifest.parts)), format, inputs, **precision)
    for key, expected in model(inputs, training=False).items():
        np.testing.assert_allclose(found[key], np.asarray(expected), atol=2e-6)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:part model gives all samples")
def test_any_recurrent_layer_answers_the_same_in_tflite_and_onnx(name, tmp_path):
    model, inputs = MODELS[name]()
    export(model, tmp_path / "x", ("tflite", "onnx"), samples={key: np.repeat(x, 2, 0) for key, x in inputs.items()})
    for format in ("tflite", "onnx"):
        assert_same_answers(model, tmp_path / "x", format, inputs)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_recurrent_text_encoder_is_exported_in_all_formats_and_precisions(cell, tmp_path):
    encoder = build_recurrent_text(vocab_size=300, context_length=6, width=32, cell=cell)
    tokens = GENERATOR.integers(1, 300, (6, 6)).astype("int32")
    tokens[0, 2:], tokens[1] = 0, 0
    manifest = export(encoder, tmp_path / "x", quantize="int8", samples={"token_ids": tokens})
    assert {(artifact.format, artifact.precision) for artifact in manifest.artifacts} == {
        ("saved_model", "fp32"),
        ("tflite", "fp32"),
        ("tflite", "int8"),
        ("onnx", "fp32"),
        ("onnx", "int8"),
    }
    for format in ("saved_model", "tflite", "onnx"):
        assert_same_answers(encoder, tmp_path / "x", format, {"token_ids": tokens[:5]})


def test_an_lstm_over_padded_texts_is_one_onnx_operation_a_direction(tmp_path):
    encoder = build_recurrent_text(vocab_size=30, context_length=6, width=8)
    export(encoder, tmp_path / "x", ("onnx",))
    kinds = Counter(node.op_type for node in onnx.load(tmp_path / "x/text/model.onnx").graph.node)
    assert (kinds["LSTM"], kinds["Loop"]) == (2, 0)


def test_the_weights_of_all_steps_are_in_a_tflite_file_once(tmp_path):
    model, _ = sequences(layers.LSTM(64), (12, 64))
    manifest = export(model, tmp_path / "x", ("tflite",))
    assert manifest.artifact("model", "tflite").bytes < 4 * model.count_params() + 80_000
    kinds = [op["op_name"] for op in Interpreter(str(tmp_path / "x/model/model.tflite"))._get_ops_details()]
    assert kinds.count("FULLY_CONNECTED") == 24


def test_a_fixed_batch_is_exported(tmp_path):
    model, inputs = sequences(layers.GRU(3))
    export(model, tmp_path / "x", ("tflite",), tflite_batch=3)
    assert_same_answers(model, tmp_path / "x", "tflite", inputs)


def test_the_layers_are_as_before_afterwards():
    model, inputs = MODELS["padded_both"]()
    expected = np.asarray(model(inputs)["y"])
    trace_part("part", parts_of(model)["model"]).with_fixed_shapes()
    both = model.layers[2].forward_layer, model.layers[2].backward_layer
    assert [(layer.unroll, layer.go_backwards, layer.use_cudnn) for layer in both] == [
        (False, False, "auto"),
        (False, True, "auto"),
    ]
    assert "inner_loop" not in vars(both[0])
    np.testing.assert_array_equal(np.asarray(model(inputs)["y"]), expected)


def test_on_a_machine_with_a_gpu_no_cudnn_kernel_gets_into_the_graph(monkeypatch):
    model, _ = sequences(layers.LSTM(3))
    monkeypatch.setattr(sys.modules["keras.src.backend.tensorflow.rnn"], "_is_gpu_available", lambda: True)
    graph = trace_part("part", parts_of(model)["model"]).concrete.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assert not [node.op for node in nodes if "Cudnn" in node.op]


def test_a_free_number_of_steps_is_refused_by_its_layer_s_name(tmp_path):
    x, z = keras.Input((None, 3), name="x"), keras.Input((4, 3), name="z")
    joined = layers.Concatenate()([layers.LSTM(2, name="free")(x), layers.LSTM(2, name="fixed")(z)])
    with pytest.raises(ValueError, match=r"\(free\); a recurrent layer over a fixed number of steps is;"):
        export(keras.Model({"x": x, "z": z}, {"y": joined}), tmp_path / "x", ("tflite",))
